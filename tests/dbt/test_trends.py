"""Slopes, percentiles, reference change values and projections equal what scipy makes of the same series."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations, permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
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


class Line(NamedTuple):
    """Theil-Sen slope per day; no interval where none reaches 95 %."""

    slope: float
    intercept: float
    low_slope: float | None = None
    high_slope: float | None = None


def slope(rows: list[Row]) -> Line | None:
    """scipy's slope and intercept; None where the series is too short to say anything.

    scipy's interval is right where no two results are of one day; it cuts ranks that lie outside all pairs to the first
    and the last, which does not cover 95 %, and takes values that are all alike for certain.
    """
    if len(rows) < 3 or day(rows[-1]) - day(rows[0]) < 365:
        return None
    values, days = [r["value"] for r in rows], [day(r) for r in rows]
    line = stats.theilslopes(values, days, 0.95)
    pairs = [(a, b) for a, b in combinations(range(len(rows)), 2) if days[a] != days[b]]
    spread = math.sqrt(kendall_variance(values, days))
    rank = round((len(pairs) - stats.norm.ppf(0.975) * spread) / 2)
    if rank < 1 or spread == 0:
        return Line(line.slope, line.intercept)
    if len(set(days)) == len(days):
        return Line(line.slope, line.intercept, line.low_slope, line.high_slope)
    slopes = sorted((values[b] - values[a]) / (days[b] - days[a]) for a, b in pairs)
    return Line(line.slope, line.intercept, slopes[rank - 1], slopes[-rank])


def kendall_variance(values: Sequence[float], days: Sequence[int]) -> float:
    """Of S over all orders the values may come in, from the signs of all pairs (Daniels HE, Biometrika 1944;33:129)."""
    n, parts = len(days), []
    for of in (values, days):
        signs = np.sign(np.subtract.outer(of, of))
        parts.append((int((signs.sum(axis=1) ** 2).sum() - (signs**2).sum()), int((signs**2).sum())))
    (a, same_a), (b, same_b) = parts
    return a * b / (n * (n - 1) * (n - 2)) + same_a * same_b / (2 * n * (n - 1))


def test_the_variance_is_that_of_all_orders() -> None:
    for values, days in (
        ([1, 2, 3, 4, 4, 4], [1, 1, 1, 2, 3, 4]),
        ([5, 5, 5], [1, 1, 2]),
        ([3, 1, 2, 2], [1, 2, 3, 4]),
    ):
        kendall = [
            sum(np.sign(v[b] - v[a]) * np.sign(days[b] - days[a]) for a, b in combinations(range(len(days)), 2))
            for v in permutations(values)
        ]
        assert kendall_variance(values, days) == pytest.approx(np.mean(np.square(kendall)))


def per_year(*per_day: float | None) -> list[Any]:
    return [v if v is None else pytest.approx(365.25 * v, rel=1e-9, abs=1e-12) for v in per_day]


def test_slopes_and_their_intervals(series: list[list[Row]]) -> None:
    compared = 0
    for rows in series:
        expected, found = slope(rows), rows[-1]
        if expected is None:
            assert found["slope_per_year"] is None
            continue
        compared += 1
        said = [found["slope_per_year"], found["slope_low"], found["slope_high"]]
        assert said == per_year(expected.slope, expected.low_slope, expected.high_slope)
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
    assert crossing > 5  # of 300 people, few have five values that move so


def projection(rows: list[Row], threshold: tuple[str, float] | None) -> tuple[float, date, date, date] | None:
    """Where scipy's line meets the threshold, and where its steepest and flattest do."""
    line = slope(rows)
    if line is None or threshold is None:
        return None
    direction, limit = threshold
    flat, steep = (line.low_slope, line.high_slope) if direction == "up" else (line.high_slope, line.low_slope)
    if flat is None or steep is None or ((flat <= 0) if direction == "up" else (flat >= 0)):
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
