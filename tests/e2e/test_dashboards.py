"""A person opens a dashboard in a real browser, in either language, and sees every chart drawn.

Set ``SCREENSHOTS`` to a folder to keep the pictures (``docs/images`` are made so).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, Request

from tests.browser import CHART, DRAWN_WITHIN_MS, LOADING, Opened, expected, height, holder, open_dashboard
from tests.unpoliced import by_hand
from wellhouse.access import readers
from wellhouse.ops import bootstrap
from wellhouse.settings import PROJECT_ROOT, settings
from wellhouse.superset import roles

SignIn = Callable[[str, int], Page]
CONTENT = "canvas, tbody tr, .header-line"
NOTHING = {"No results were returned for this query", "No data", "此查询没有数据返回", "没有数据"}
TROUBLE = (
    "text=/unexpected error|network error|no data|no results|something went wrong|permission denied"
    "|意外错误|网络错误|没有数据|无结果|出错|权限/i"
)
LANGUAGES = {"zh": "清除所有", "en": "Clear all"}
"""Superset's own word for clearing the filters, by which one knows its language. The last one is pictured."""


def title(slug: str) -> str:
    file = PROJECT_ROOT / "dashboards" / "assets" / "dashboards" / f"{slug}.yaml"
    return str(yaml.safe_load(file.read_text())["dashboard_title"])


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / name)


READERS = {
    "analyst_hz": "analyst", "manager_hz": "health_manager", "management": "management", "auditor": "auditor",
}  # fmt: skip
ADMINISTRATORS = ("operations",)
"""Dashboards whose rows an administrator may read: Superset lets its own role Admin open every page."""
PICTURED = {
    "audit": "auditor",
    "follow-up": "manager_hz",
    "indicator-trends": "analyst_hz",
    "interventions": "manager_hz",
    "operations": "administrator",
    "person-page": "manager_hz",
    "population-health": "management",
    "risk": "analyst_hz",
}
"""Whose screen is shown in docs/images."""
CLICKED = {
    "audit": ("audit-by-reader", 0),
    "follow-up": ("work-list", 0),
    "indicator-trends": ("indicator-card", 0),
    "interventions": ("intervention-balance", 1),
    "operations": ("ops-freshness", 0),
    "person-page": ("person-values", 2),
    "population-health": ("population-card", 0),
    "risk": ("risk-models", 0),
}
"""A table of each dashboard, and the place of a column whose value filters the other charts when it is clicked."""
PHONE = 390
HEAT_MAPS = {"population-health": "population-heatmap", "interventions": "care-heatmap"}
"""Charts that one reads as a whole: nobody moves them sideways."""


def opened_by(username: str) -> tuple[str, ...]:
    if username == "administrator":
        return ADMINISTRATORS
    known = roles.load(PROJECT_ROOT / "dashboards" / "access" / "roles.yaml")
    return next(r.dashboards for r in known if r.name == READERS[username])


def empty(page: Page, slug: str) -> set[str]:
    """Titles of a dashboard's charts that say that there is nothing."""
    return {title for title in expected(slug) if holder(page, title).filter(has=page.locator(TROUBLE)).count()}


def nothing_to_show(opened: Opened, slug: str, username: str) -> set[str]:
    """Titles of charts for which who is under no policy finds nothing either at the reader's sites: no alert, a person
    without a care plan, shares that are suppressed."""
    listed = opened.page.evaluate("path => fetch(path).then(r => r.json())", f"/api/v1/dashboard/{slug}/charts")
    titles = {chart["id"]: chart["slice_name"] for chart in listed["result"]}
    of = settings()
    sites = [g.site for r in readers.everyone(of) if r.username == username for g in r.sites]
    found = set()
    with bootstrap.administrator(of, of.database) as free:
        free.execute("set search_path = marts, population")
        for answer in opened.answers:
            title = titles.get(answer.request.post_data_json["form_data"].get("slice_id"))
            results = answer.json()["result"]
            if title is None or any(value is not None for r in results for row in r["data"] for value in row.values()):
                continue
            for query in (r["query"].rstrip().rstrip(";") for r in results):
                rows = free.execute(by_hand(query, sites).encode()).fetchall()
                assert not any(value is not None for row in rows for value in row), f"{title} leaves out what is there"
            found.add(title)
    return found


@pytest.mark.parametrize(
    ("username", "slug"),
    [(username, slug) for username in (*READERS, "administrator") for slug in opened_by(username)],
)
def test_every_chart_is_drawn(sign_in: SignIn, username: str, slug: str) -> None:
    page = sign_in(username, height(slug))
    for language, clear in LANGUAGES.items():
        page.goto(f"/lang/{language}", wait_until="commit")
        opened = open_dashboard(page, slug)
        assert page.title() == title(slug)
        assert opened.refused == []
        assert len(opened.answers) >= len(expected(slug))
        assert page.get_by_text(re.compile(f"^{clear}$", re.IGNORECASE)).count() == 1
        trouble = page.locator(TROUBLE).all_inner_texts()
        assert set(trouble) <= NOTHING
        assert empty(page, slug) <= nothing_to_show(opened, slug, username)
        drawn = page.locator(CHART).filter(has=page.locator(CONTENT)).count()
        assert drawn >= len(expected(slug)) - len(trouble)
        assert painted(page) == page.locator("canvas").count(), "a canvas is blank"
    if PICTURED.get(slug) == username:
        if slug != "person-page":
            keep(page, f"dashboard_{slug.replace('-', '_')}.png")
        assert len(asked_after_a_click(page, slug)) > 1, "a click filters the other charts"


@pytest.mark.parametrize("username", READERS)
def test_no_other_dashboard_opens(sign_in: SignIn, username: str) -> None:
    page = sign_in(username, 900)
    allowed = opened_by(username)
    page.goto("/dashboard/list/")
    page.wait_for_selector("table, .ant-empty, [data-test=listview-table]")
    for slug in PICTURED.keys() - set(allowed):
        answer = page.goto(f"/superset/dashboard/{slug}/")
        assert answer is not None
        assert answer.status in (403, 404) or slug not in page.url, slug
        assert page.locator(CHART).count() == 0


@pytest.mark.parametrize("slug", sorted(PICTURED))
def test_a_phone_shows_charts_as_wide_as_its_screen(sign_in: SignIn, slug: str) -> None:
    page = sign_in(PICTURED[slug], 900)
    page.set_viewport_size({"width": PHONE, "height": 1800})
    page.goto(f"/superset/dashboard/{slug}/", wait_until="domcontentloaded")
    page.locator(CHART).first.wait_for(timeout=DRAWN_WITHIN_MS)
    page.wait_for_function("s => !document.querySelector(s)", arg=LOADING, timeout=DRAWN_WITHIN_MS)
    page.wait_for_timeout(1500)
    widths = [box["width"] for c in page.locator(CHART).all() if (box := c.bounding_box())]
    assert min(widths) > 0.35 * PHONE  # numbers stand two by two
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE + 16, "the page itself moves sideways"
    if slug == "follow-up":
        keep(page, "dashboard_phone.png")
    if slug in HEAT_MAPS:
        box = holder(page, chart_title(HEAT_MAPS[slug])).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE


def test_a_link_in_the_work_list_opens_that_persons_page(sign_in: SignIn, superset_url: str) -> None:
    opened = open_dashboard(sign_in("manager_hz", height("follow-up")), "follow-up")
    link = opened.page.locator("tbody a[href*=person-page]").first
    key = link.inner_text().split()[0]
    page = opened.page
    page.set_viewport_size({"width": 1440, "height": height("person-page")})
    link.click()
    page.wait_for_url("**/person-page/**", wait_until="domcontentloaded")
    page.locator("tbody td", has_text=re.compile(f"^{key}$")).first.wait_for(timeout=DRAWN_WITHIN_MS)
    of = settings()
    with bootstrap.administrator(of, of.database) as connection:
        found = connection.execute(
            "select count(*) from marts.person_timeline where person_key = %s and site = 'hz'", (int(key),)
        ).fetchone()
    assert found is not None
    page.get_by_placeholder(f"{min(found[0], 200)} records...").wait_for(timeout=DRAWN_WITHIN_MS)
    for path in (f"/wellhouse/people/{key}", f"/wellhouse/people/{key}/summary.pdf?lang=zh"):
        assert page.locator(f"a[href='{path}']").count() == 1
    keep(page, "dashboard_person_page.png")


def asked_after_a_click(page: Page, slug: str) -> list[str]:
    """Click a value in a table; which charts are asked for again with that value as their filter."""
    chart, column = CLICKED[slug]
    cell = holder(page, chart_title(chart)).locator("tbody tr").first.locator("td").nth(column)
    value = cell.inner_text()
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/api/v1/chart/data" in request.url and value in json.dumps(request.post_data_json, ensure_ascii=False):
            asked.append(request.url)

    page.on("request", note)
    cell.click()
    page.wait_for_timeout(2500)
    return asked


def chart_title(chart: str) -> str:
    file = PROJECT_ROOT / "dashboards" / "assets" / "charts" / f"{chart}.yaml"
    return str(yaml.safe_load(file.read_text())["slice_name"])


def painted(page: Page) -> int:
    """How many canvases hold more than one colour."""
    return int(
        page.evaluate(
            """() => [...document.querySelectorAll('canvas')].filter(c => {
                const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                const first = d.slice(0, 4).join();
                for (let i = 0; i < d.length; i += 4 * 97) if (d.slice(i, i + 4).join() !== first) return true;
                return false;
            }).length"""
        )
    )


def test_an_analyst_sees_own_site_only_in_the_filters(sign_in: SignIn) -> None:
    opened = open_dashboard(sign_in("analyst_sh", height("indicator-trends")), "indicator-trends")
    assert opened.page.get_by_text("1 option", exact=True).count() == 1  # the site: one's own
    cells = opened.page.locator("tbody td")
    assert cells.filter(has_text=re.compile("^sh$")).count() > 0
    assert cells.filter(has_text=re.compile("^(hz|cd)$")).count() == 0


def test_management_is_not_even_told_of_the_others(sign_in: SignIn) -> None:
    page = sign_in("management", 900)
    page.goto("/dashboard/list/")
    page.get_by_text(title("population-health")).first.wait_for()
    for slug in PICTURED.keys() - {"population-health"}:
        assert page.get_by_text(title(slug)).count() == 0


def test_the_language_can_be_chosen(sign_in: SignIn) -> None:
    page = sign_in("management", 900)
    page.goto("/lang/zh", wait_until="commit")
    page.goto("/dashboard/list/")
    page.get_by_text("看板").first.wait_for()
    page.goto("/lang/en", wait_until="commit")


def test_nothing_is_asked_of_the_outside(sign_in: SignIn) -> None:
    page = sign_in("management", 900)
    hosts: set[str] = set()
    page.on("response", lambda r: hosts.add(r.url.split("/")[2]) if r.url.startswith("http") else None)
    open_dashboard(page, "population-health")
    assert hosts == {f"localhost:{settings().superset_port}"}
