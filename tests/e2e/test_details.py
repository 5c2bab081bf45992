"""Behind a chart: its rows, and its table as it stands on the screen as a file; and dashboards with nothing in them."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import CHART, DRAWN_WITHIN_MS, expected, height, holder, open_dashboard

SignIn = Callable[[str, int], Page]
ANALYSTS = (("analyst_hz", "hz"), ("analyst_sh", "sh"))
TABLE = "Highest scores 评分最高者"
BEGIN_WITH_A_VALUE = ("indicator-trends", "risk", "person-page")
"""Dashboards with a filter that begins with the first of its values."""


@pytest.mark.parametrize(("username", "site"), ANALYSTS)
def test_an_analyst_drills_to_the_rows_of_their_site(sign_in: SignIn, username: str, site: str) -> None:
    page = sign_in(username, height("risk"))
    page.goto("/lang/en", wait_until="commit")
    open_dashboard(page, "risk")
    holder(page, TABLE).get_by_label("More Options").click()
    with page.expect_response("**/datasource/samples**") as asked:
        page.get_by_role("menuitem", name="Drill to detail", exact=True).click()
    rows = asked.value.json()["result"]["data"]
    assert {row["site"] for row in rows} == {site}
    page.get_by_role("dialog").get_by_text(site, exact=True).first.wait_for(timeout=DRAWN_WITHIN_MS)


@pytest.mark.parametrize(("username", "site"), ANALYSTS)
def test_the_current_view_leaves_as_every_file_does(sign_in: SignIn, username: str, site: str, tmp_path: Path) -> None:
    page = sign_in(username, 1200)
    page.goto("/lang/en", wait_until="commit")
    charts = page.evaluate("fetch('/api/v1/dashboard/risk/charts').then(r => r.json())")["result"]
    (number,) = [c["id"] for c in charts if c["slice_name"] == TABLE]
    page.goto(f"/explore/?slice_id={number}", wait_until="domcontentloaded")
    page.locator("tbody tr td a").first.wait_for(timeout=DRAWN_WITHIN_MS)
    shown = page.locator(".chart-container tbody tr").count()
    page.get_by_label("Menu actions trigger").click()
    for menu in ("Data Export Options", "Export Current View"):  # a mouse on its way would cross other menus
        page.get_by_role("menuitem", name=menu).dispatch_event("mouseover")
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export to .CSV").last.dispatch_event("click")
    file = tmp_path / "view.csv"
    download.value.save_as(file)
    data = file.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"<a " not in data
    head, *rows = csv.reader(data.decode("utf-8-sig").splitlines())
    assert 0 < len(rows) >= shown
    assert {row[next(i for i, h in enumerate(head) if "Site" in h)] for row in rows} == {site}


@pytest.fixture
def of_a_new_site() -> Iterator[str]:
    """Somebody whose site has sent nothing yet."""
    name = "reader_of_nothing"
    subprocess.run(["wellhouse", "user", "add", name, "--role", "analyst", "--site", "new"], check=True)
    yield name
    subprocess.run(["wellhouse", "user", "revoke", name], check=True)


def test_a_site_without_a_row_has_its_dashboards_drawn(sign_in: SignIn, of_a_new_site: str) -> None:
    for slug in BEGIN_WITH_A_VALUE:
        page = sign_in(of_a_new_site, height(slug))
        opened = open_dashboard(page, slug)
        assert opened.refused == []
        assert page.locator(CHART).count() == len(expected(slug))
