"""What a report says, from rows made for the purpose; and when one is due."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pyzipper

from wellhouse.errors import WellhouseError
from wellhouse.reports import plan
from wellhouse.reports.archive import archive
from wellhouse.reports.charts import Chart, charts
from wellhouse.reports.document import document, persons, shown
from wellhouse.settings import PROJECT_ROOT
from wellhouse.summaries.render import Renderer

ASSETS = PROJECT_ROOT / "dashboards" / "assets"


def chart(kind: str, columns: tuple[str, ...], metrics: tuple[str, ...] = ()) -> Chart:
    return Chart(kind.title(), kind, "", "uuid", True, {}, (*columns, *metrics), metrics, {"people": "People 人数"},
                 {"people": ",d"}, None, "")  # fmt: skip


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [
        (None, None, "—"), (0.1234, ".1%", "12.3 %"), (12345, ",d", "12,345"), (12345.678, ",.2f", "12,345.68"),
        (True, None, "✓"), (False, None, ""), ("<a href=\"/x/people/9/\">9 →</a>", None, "9"), (0, ",d", "0"),
        (1.5, None, "1.5"), (-0.00001, None, "0"),
    ],
)  # fmt: skip
def test_a_cell_is_shown_as_on_the_dashboard(value: Any, form: str | None, said: str) -> None:
    assert shown(value, form) == said


def test_bars_are_as_long_as_their_share_and_a_long_axis_is_cut() -> None:
    rows = [{"tag": f"T{i}", "people": 30 - i} for i in range(30)]
    (drawn,) = document([chart("bar", ("tag",), ("people",))], [rows])["charts"]
    assert (len(drawn["rows"]), drawn["rest"]) == (20, 10)
    assert drawn["rows"][0] == {"label": "T0", "bars": [{"share": 1.0, "negative": False, "label": "30"}]}
    months = [{"tag": f"2024-{i:02}", "people": 1} for i in range(1, 31)]
    (drawn,) = document([chart("bar", ("tag",), ("people",))], [months])["charts"]
    assert drawn["rows"][-1]["label"] == "2024-30", "of an axis in time the newest are kept"


def test_lines_are_one_a_series_in_the_order_of_the_axis() -> None:
    rows = [{"year": y, "site": s, "people": y - 2000} for y in (2021, 2019, 2020) for s in ("hz", "sh")]
    (drawn,) = document([chart("line", ("year", "site"), ("people",))], [rows])["charts"]
    assert drawn["series"] == ["hz", "sh"]
    assert [label["label"] for label in drawn["labels"]] == ["2019", "2020", "2021"]
    assert [x for x, _ in drawn["lines"][0]] == [0.0, 0.5, 1.0]
    assert sorted(y for _, y in drawn["lines"][0]) == [y for _, y in drawn["lines"][0]]


def test_nothing_to_draw_and_a_single_point_are_drawn(tmp_path: Path) -> None:
    asked = [chart("line", ("year",), ("people",)), chart("bar", ("tag",), ("people",)), chart("table", ("a", "b")),
             chart("number", (), ("people",))]  # fmt: skip
    words = {"language": "zh", "title": "t", "period": "p", "rights": "r", "made": "m", "rest": "{count}",
             "empty": "无", "page": "{page}"}  # fmt: skip
    renderer = Renderer(PROJECT_ROOT / "dashboards" / "summaries", template="report.typ")
    now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    for rows in ([], [{"year": 2024, "tag": None, "a": "甲", "b": 1, "people": 3}]):
        assert renderer.pdf(document(asked, [rows] * 4) | words, now).startswith(b"%PDF")


def test_whose_rows_they_are_is_known_by_key_and_by_link() -> None:
    link = '<a href="/superset/dashboard/person-page/?x=(17)">17 →</a>'
    assert persons([[{"person_key": 5}, {"person_key": None}], [{"page": link, "x": "12"}]]) == [5, 17]


@pytest.mark.parametrize(("every", "period"), [("day", "2026-11-25"), ("week", "2026-11-23"), ("month", "2026-11-01")])
def test_a_period_begins_on_its_first_day(every: str, period: str) -> None:
    made = plan.Plan.model_validate(
        {
            "reports": {"r": {"title": {"zh": "甲", "en": "A"}, "dashboard": "d", "charts": []}},
            "subscriptions": [{"report": "r", "recipient": "x", "every": every, "language": "zh"}],
        }
    )
    (due,) = plan.due(made, dt.date(2026, 11, 25))
    assert due.period.isoformat() == period


def test_every_chart_of_the_plan_can_be_printed() -> None:
    made = plan.load(PROJECT_ROOT / "dashboards" / "reports.yaml")
    for report in made.reports.values():
        found = charts(ASSETS, report.dashboard, report.charts)
        assert len(found) == len(report.charts)
        assert set(report.title) == {"zh", "en"}
    aggregated = charts(ASSETS, "population-health", made.reports["population"].charts)
    assert not any(c.personal for c in aggregated)
    assert any(f["col"] == "indicator" for c in aggregated for f in c.query["filters"]), "as the dashboard opens"


def test_a_chart_that_is_not_on_the_dashboard_is_refused() -> None:
    with pytest.raises(WellhouseError, match="is not on the dashboard population-health"):
        charts(ASSETS, "population-health", ("work-due",))
    with pytest.raises(WellhouseError, match="there is no chart"):
        charts(ASSETS, "follow-up", ("no-such-chart",))


def test_an_archive_says_what_it_holds_and_opens_with_its_password_only() -> None:
    asked = replace(chart("table", ("person_key", "note")), query={"row_limit": 2})
    rows = [{"person_key": 2**60, "note": "=1+1"}, {"person_key": 1, "note": '<a href="/x/people/9/">9 →</a>'}]
    whole = replace(asked, query={"row_limit": 3})
    with pyzipper.AESZipFile(io.BytesIO(archive(["cut", "whole"], [asked, whole], [rows, rows], "secret"))) as file:
        for name in file.namelist():
            with pytest.raises(RuntimeError, match="password"):
                file.read(name)
        file.setpassword(b"secret")
        manifest = json.loads(file.read("manifest.json"))["files"]
        data = {each["name"]: file.read(each["name"]) for each in manifest}
        assert {i.wz_aes_strength for i in file.infolist()} == {3}, "AES-256"
    assert data["cut.csv"] == data["whole.csv"]
    assert data["cut.csv"].startswith(b"\xef\xbb\xbf")
    assert data["cut.csv"].decode("utf-8-sig").splitlines() == ["person_key,note", f"{2**60},'=1+1", "1,9"]
    told = {each["name"]: (each["rows"], each["sha256"], each["truncated"]) for each in manifest}
    digest = hashlib.sha256(data["cut.csv"]).hexdigest()
    assert told == {"cut.csv": (2, digest, True), "whole.csv": (2, digest, False)}


def test_an_archive_of_aggregates_is_open() -> None:
    asked = replace(chart("table", ("site",)), query={"row_limit": 9})
    with pyzipper.AESZipFile(io.BytesIO(archive(["sites"], [asked], [[{"site": "hz"}]]))) as file:
        assert file.read("sites.csv") == b"\xef\xbb\xbfsite\r\nhz\r\n"
