"""Debian's Chromium, signed in to Superset over HTTPS, and a dashboard opened in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Locator, Page, Response, StorageState, sync_playwright

from tests.second_factor import code
from wellhouse.settings import PROJECT_ROOT, settings
from wellhouse.superset import assets

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip
DRAWN_WITHIN_MS = 90_000
CHART = "[data-test=slice-container]"
HOLDER = ".dashboard-component-chart-holder"
LOADING = "[data-test=loading-indicator], .loading"


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
        context.set_default_timeout(DRAWN_WITHIN_MS)
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


@dataclass(frozen=True)
class Opened:
    """A dashboard as the browser has it."""

    page: Page
    refused: list[str]
    answers: list[Response]
    """Of charts and filters that were asked for their data."""


def expected(slug: str) -> list[str]:
    """Titles of the charts on a dashboard."""
    position = assets.load(PROJECT_ROOT / "dashboards" / "assets")["dashboards"][slug]["position"]
    return [c["meta"]["sliceName"] for c in position.values() if isinstance(c, dict) and c["type"] == "CHART"]


def open_dashboard(page: Page, slug: str) -> Opened:
    """Open it and wait until the last chart is drawn and nothing moves any more."""
    refused: list[str] = []
    answers: list[Response] = []

    def note(response: Response) -> None:
        if response.status >= 400:
            refused.append(f"{response.status} {response.url}")
        if "/api/v1/chart/data" in response.url and response.status == 200:
            answers.append(response)

    page.on("response", note)
    page.goto(f"/superset/dashboard/{slug}/", wait_until="domcontentloaded")
    charts = expected(slug)
    for name in charts:
        page.get_by_text(name, exact=True).first.wait_for(timeout=DRAWN_WITHIN_MS)
    page.wait_for_function(
        "([loading, charts, wanted]) => document.querySelectorAll(loading).length === 0"
        " && document.querySelectorAll(charts).length === wanted",
        arg=[LOADING, CHART, len(charts)], timeout=DRAWN_WITHIN_MS,
    )  # fmt: skip
    page.wait_for_timeout(1500)  # ECharts animates for a second
    return Opened(page, refused, answers)


def height(slug: str) -> int:
    """Of the whole dashboard on a laptop: a chart that is not in sight is not drawn."""
    position = assets.load(PROJECT_ROOT / "dashboards" / "assets")["dashboards"][slug]["position"]

    def grid_units(cell: str) -> int:
        found = position[cell]
        below = [grid_units(c) for c in found["children"]]
        if found["type"] == "CHART":
            return int(found["meta"]["height"])
        return max(below) if found["type"] == "ROW" else sum(below) + 2 * (len(below) - 1)

    rows = position["GRID_ID"]["children"]
    return 220 + sum(8 * grid_units(row) + 16 for row in rows)


def holder(page: Page, title: str) -> Locator:
    """The frame of a dashboard's chart, by the title it shows."""
    return page.locator(HOLDER).filter(has=page.get_by_text(title, exact=True))
