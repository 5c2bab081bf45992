"""Slopes, percentiles, reference change values and projections equal what scipy makes of the same series."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from tests.dbt.oracle_rules import seed
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

Row = dict[str, Any]
COLUMNS = (
    "person_key", "site", "indicator_code", "sex", "age_band", "exam_key", "exam_date", "value", "value_previous",
    "is_real_change", "slope_per_year", "slope_low", "slope_high", "crossing_threshold", "crossing_date",
    "crossing_earliest", "crossing_latest", "population_p50", "population_percentile",
)  # fmt: skip


@pytest.fixture(scope="module")
def trends(built: Settings) -> list[Row]:
    query = f"select {', '.join(COLUMNS)} from marts.fct_indicator_trend order by exam_date, exam_key"  # noqa: S608
    with administrator(built, built.database) as server:
        return [dict(zip(COLUMNS, row, strict=True)) for row in server.execute(query)]  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def series(trends: list[Row]) -> list[list[Row]]:
    by_series: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in trends:
        by_series[row["person_key"], row["site"], row["indicator_code"]].append(row)
    return list(by_series.values())


def day(row: Row) -> int:
    return int((row["exam_date"] - date(2000, 1, 1)).days)


def slope(rows: list[Row]) -> Any | None:
    """scipy's Theil-Sen slope per day; None where the series is too short to say anything."""
    if len(rows) < 3 or day(rows[-1]) - day(rows[0]) < 365:
        return None
    return stats.theilslopes([r["value"] for r in rows], [day(r) for r in rows], 0.95)


def test_slopes_and_their_intervals(series: list[list[Row]]) -> None:
    compared = 0
    for rows in series:
        expected, found = slope(rows), rows[-1]
        if expected is None:
            assert found["slope_per_year"] is None
            continue
        compared += 1
        assert found["slope_per_year"] == pytest.approx(365.25 * expected.slope, rel=1e-9, abs=1e-12)
        assert found["slope_low"] == pytest.approx(365.25 * expected.low_slope, rel=1e-9, abs=1e-12)
        assert found["slope_high"] == pytest.approx(365.25 * expected.high_slope, rel=1e-9, abs=1e-12)
    assert compared > 5000


def test_percentiles(trends: list[Row]) -> None:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in trends:
        groups[row["indicator_code"], row["sex"], row["age_band"]].append(row)
    shown = 0
    year = max(r["exam_date"].year for r in trends)
    for rows in groups.values():
        before = [r for r in rows if r["exam_date"].year < year]
        values = [r["value"] for r in before]
        people = {r["person_key"] for r in before}
        known = rows[0]["sex"] is not None and rows[0]["age_band"] is not None
        for row in rows[::20]:
            if len(people) < 11 or not known:
                assert row["population_percentile"] is None
            else:
                shown += 1
                assert row["population_percentile"] == pytest.approx(
                    stats.percentileofscore(values, row["value"], "weak")
                )
    assert shown > 1000


def test_a_change_is_real_beyond_what_varies_by_itself(trends: list[Row], project_root: Path) -> None:
    variation = {
        row["indicator_code"]: math.hypot(float(row["within_cv_percent"]), float(row["analytical_cv_percent"])) / 100
        for row in seed(project_root / "dbt_project" / "seeds", "biological_variation")
    }
    seen = set()
    for row in trends:
        cv = variation.get(row["indicator_code"])
        if cv is None or not row["value_previous"] or row["value_previous"] <= 0 or row["value"] <= 0:
            assert row["is_real_change"] is None
            continue
        limit = stats.norm.ppf(0.975) * math.sqrt(2 * math.log1p(cv * cv))
        change = abs(math.log(row["value"] / row["value_previous"]))
        if abs(change - limit) > 1e-4:
            assert row["is_real_change"] == (change > limit)
            seen.add(row["is_real_change"])
    assert seen == {True, False}


def thresholds(seeds: Path) -> dict[tuple[str, str | None], tuple[str, float]]:
    """By indicator and sex: the direction in which it is crossed, and the threshold."""
    return {
        (row["indicator_code"], sex): (row["direction"], float(row["threshold"]))
        for row in seed(seeds, "action_thresholds")
        for sex in ([row["sex"]] if row["sex"] else ["male", "female", None])
    }


def test_projections(series: list[list[Row]], project_root: Path) -> None:
    limits = thresholds(project_root / "dbt_project" / "seeds")
    crossing = 0
    for rows in series:
        found = rows[-1]
        expected = projection(rows, limits.get((found["indicator_code"], found["sex"])))
        if expected is None:
            assert found["crossing_date"] is None
            continue
        crossing += 1
        assert found["crossing_threshold"] == expected[0]
        for name, on in zip(("crossing_date", "crossing_earliest", "crossing_latest"), expected[1:], strict=True):
            assert abs((found[name] - on).days) <= 1, name
    assert crossing > 20


def projection(rows: list[Row], threshold: tuple[str, float] | None) -> tuple[float, date, date, date] | None:
    """Where scipy's line meets the threshold, and where its steepest and flattest do."""
    line = slope(rows)
    if line is None or threshold is None:
        return None
    direction, limit = threshold
    flat, steep = (line.low_slope, line.high_slope) if direction == "up" else (line.high_slope, line.low_slope)
    if (flat <= 0) if direction == "up" else (flat >= 0):
        return None
    middle = sorted(day(r) for r in rows)
    centre = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
    height = line.intercept + line.slope * centre
    last = day(rows[-1])
    ahead = [centre + (limit - height) / s - last for s in (line.slope, steep, flat)]
    if not 0 < ahead[0] <= 3652.5:
        return None
    on = [rows[-1]["exam_date"] + timedelta(round(min(max(days, 0), 18262))) for days in ahead]
    return limit, on[0], on[1], on[2]
