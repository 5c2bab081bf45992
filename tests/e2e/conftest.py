"""Debian's Chromium, signed in to Superset over HTTPS."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

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


@pytest.fixture(scope="session")
def chromium(superset_url: str) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install chromium")
    trust = f"--ignore-certificate-errors-spki-list={pin(settings().tls / 'superset.crt')}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, trust])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cookies(chromium: Browser, superset_url: str) -> Callable[[str], StorageState]:
    """``cookies(username)``: of a session that person signed in to once, by password and code."""
    known: dict[str, StorageState] = {}

    def of(username: str) -> StorageState:
        if username not in known:
            with chromium.new_context(base_url=superset_url) as context:
                page = context.new_page()
                page.goto("/login/")
                page.fill("#username", username)
                page.fill("input[type=password]", settings().secret(f"password_{username}"))
                page.click("button[type=submit]")
                page.wait_for_url(lambda url: "/wellhouse/second-factor" in url, wait_until="commit")
                page.fill("#code", code(username))
                page.click("button[type=submit]")
                page.wait_for_url(lambda url: "/second-factor" not in url, wait_until="commit")
                known[username] = context.storage_state()
        return known[username]

    return of


@pytest.fixture
def sign_in(
    chromium: Browser, superset_url: str, cookies: Callable[[str], StorageState]
) -> Iterator[Callable[[str, int], Page]]:
    """``sign_in(username, height)``: a page of that person, tall enough to draw the whole dashboard."""
    pages: list[Page] = []

    def open_page(username: str, height: int) -> Page:
        pages.append(
            chromium.new_page(
                viewport={"width": 1440, "height": height}, locale="en-GB", base_url=superset_url,
                storage_state=cookies(username),
            )
        )  # fmt: skip
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()
