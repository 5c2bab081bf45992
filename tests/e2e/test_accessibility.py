"""Our own pages judged by axe-core, in both languages and on both widths: no serious or critical violation."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState

from tests.second_factor import now
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import settings

WIDTHS = {"laptop": 1440, "phone": 390}
GRAVE = ("serious", "critical")
NEWCOMER = "accessible"


@pytest.fixture(scope="module")
def truth(superset_url: str) -> Iterator[psycopg.Connection]:
    of = settings()
    with administrator(of, of.database) as connection:
        yield connection


@pytest.fixture(scope="module")
def person(truth: psycopg.Connection) -> int:
    """Whose page has everything: tags, follow-ups, advice, trends and a recorded call."""
    row = truth.execute(
        """select r.person_key from marts.fct_call_recording r
           join marts.fct_advice a using (person_key, site) join marts.fct_follow_up_due d using (person_key, site)
           where site = 'hz' and d.due_status in ('open', 'overdue') order by 1 limit 1"""
    ).fetchone()
    assert row is not None
    return int(row[0])


def violations(page: Page) -> list[str]:
    """What is grave: the rule, and where."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {[n['target'] for n in v['nodes']][:3]}" for v in found if v["impact"] in GRAVE]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_of_a_health_manager(
    chromium: Browser, superset_url: str, cookies: Callable[[str], StorageState], person: int, lang: str, width: str
) -> None:
    size = {"width": WIDTHS[width], "height": 900}
    with chromium.new_context(base_url=superset_url, viewport=size, storage_state=cookies("manager_hz")) as context:
        page = context.new_page()
        for path in (f"/wellhouse/people/{person}", "/wellhouse/me", "/wellhouse/people/1"):
            page.goto(f"{path}?lang={lang}")
            assert violations(page) == [], path
            across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert across <= 0, f"{path} is wider than the screen"


def test_the_pages_of_signing_in(chromium: Browser, superset_url: str, truth: psycopg.Connection) -> None:
    """Enrolment, recovery codes, the code, a wrong code, and a refusal."""
    subprocess.run(["wellhouse", "user", "add", NEWCOMER, "--role", "analyst", "--site", "cd"], check=True)
    try:
        seen = {}
        with chromium.new_context(base_url=superset_url) as context:
            page = _with_password(context.new_page())
            seen["enrol"] = violations(page)
            app = pyotp.TOTP(page.locator("#secret").inner_text().replace(" ", ""))
            page.fill("#code", app.generate_otp(now()))
            page.click("button[type=submit]")
            page.wait_for_selector("code")
            seen["recovery"] = violations(page)
        with chromium.new_context(base_url=superset_url) as context:
            page = _with_password(context.new_page())
            seen["code"] = violations(page)
            page.fill("#code", "000000")
            page.click("button[type=submit]")
            page.wait_for_selector("[role=alert]")
            seen["wrong"] = violations(page)
        truth.execute("update access.reader set review_due = now() - interval '1 s' where username = %s", (NEWCOMER,))
        with chromium.new_context(base_url=superset_url) as context:
            page = _with_password(context.new_page())
            assert page.locator("[role=alert]").count() == 1
            seen["refused"] = violations(page)
        assert {name: found for name, found in seen.items() if found} == {}
        assert len(seen) == 5
    finally:
        subprocess.run(["wellhouse", "user", "revoke", NEWCOMER], check=True)


def _with_password(page: Page) -> Page:
    page.goto("/login/")
    page.fill("#username", NEWCOMER)
    page.fill("input[type=password]", settings().secret(f"password_{NEWCOMER}"))
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: urlsplit(url).path == "/wellhouse/second-factor", wait_until="load")
    return page
