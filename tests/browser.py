"""Debian's Chromium, signed in to Superset over HTTPS."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, StorageState, sync_playwright

from tests.second_factor import code
from wellhouse.settings import settings

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip


def pin(certificate: Path) -> str:
    """The hash of a certificate's public key: the only one that Chromium is told to trust without its authority."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return base64.b64encode(digest).decode()


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser that trusts this installation's Superset and nothing else."""
    trust = f"--ignore-certificate-errors-spki-list={pin(settings().tls / 'superset.crt')}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, trust])
        yield browser
        browser.close()


def signed_in(browser: Browser, url: str, username: str) -> StorageState:
    """Cookies of a session to which that person signed in by password and code."""
    with browser.new_context(base_url=url) as context:
        page = context.new_page()
        page.goto("/login/")
        page.fill("#username", username)
        page.fill("input[type=password]", settings().secret(f"password_{username}"))
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/wellhouse/second-factor" in url, wait_until="commit")
        page.fill("#code", code(username))
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/second-factor" not in url, wait_until="commit")
        return context.storage_state()
