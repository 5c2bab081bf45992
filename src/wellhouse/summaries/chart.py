"""A trend picture as geometry: everything between 0 and 1, so that the template only draws."""

from __future__ import annotations

from typing import Any

from wellhouse.summaries import numbers
from wellhouse.summaries.facts import Point, Series

LABELLED = 8
"""With more points than this only the first, last, lowest and highest carry their value."""
MARGIN = 0.1


def chart(series: Series) -> dict[str, Any]:
    """Points, reference band, population band and axis labels; x and y from 0 (left, bottom) to 1 (right, top)."""
    points = series.points
    low, high = _extent(points)
    across = _across(points)
    places = numbers.decimals(p.value for p in points)

    def y(value: float) -> float:
        return (value - low) / (high - low)

    ticks = numbers.ticks(low, high)
    tick_places = numbers.decimals(ticks)
    band = points[-1]
    return {
        "points": [
            {
                "x": x,
                "y": y(p.value),
                "label": (p.comparator or "") + numbers.number(p.value, places) if i in _labelled(points) else "",
                "abnormal": p.interpretation in ("L", "H"),
                "below": _valley(points, i) and y(p.value) > 2 * MARGIN,
            }
            for i, (x, p) in enumerate(zip(across, points, strict=True))
        ],
        "band": None
        if band.reference_low is None and band.reference_high is None
        else [
            0 if band.reference_low is None else y(band.reference_low),
            1 if band.reference_high is None else y(band.reference_high),
        ],
        "population": [
            [x, y(p.population_p10), y(p.population_p90)]
            for x, p in zip(across, points, strict=True)
            if p.population_p10 is not None and p.population_p90 is not None
        ],
        "ticks": [{"y": y(t), "label": numbers.number(t, tick_places)} for t in ticks],
        "years": _years(points, across),
    }


def _extent(points: tuple[Point, ...]) -> tuple[float, float]:
    """Lowest and highest of everything that is drawn, and some air."""
    drawn = [
        v
        for p in points
        for v in (p.value, p.population_p10, p.population_p90, p.reference_low, p.reference_high)
        if v is not None
    ]
    low, high = min(drawn), max(drawn)
    air = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    return low - air, high + air


def _across(points: tuple[Point, ...]) -> list[float]:
    """Places by date; a single point stands in the middle."""
    first, last = points[0].exam_date, points[-1].exam_date
    days = (last - first).days
    return [0.5 if days == 0 else (p.exam_date - first).days / days for p in points]


def _labelled(points: tuple[Point, ...]) -> set[int]:
    if len(points) <= LABELLED:
        return set(range(len(points)))
    values = [p.value for p in points]
    return {0, len(points) - 1, values.index(min(values)), values.index(max(values))}


def _valley(points: tuple[Point, ...], i: int) -> bool:
    """Lower than both neighbours: the value stands below the line, which would cross it above."""
    around = [points[k].value for k in (i - 1, i + 1) if 0 <= k < len(points)]
    return len(around) == 2 and points[i].value < min(around)


def _years(points: tuple[Point, ...], across: list[float]) -> list[dict[str, Any]]:
    years: list[dict[str, Any]] = []
    for x, point in zip(across, points, strict=True):
        label = str(point.exam_date.year)
        if not years or (years[-1]["label"] != label and x - years[-1]["x"] > 0.1):
            years.append({"x": x, "label": label})
    return years
