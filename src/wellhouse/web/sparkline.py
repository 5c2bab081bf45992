"""An indicator's values over the years as a small picture: a line and the reference band behind it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, AIR = 120.0, 28.0, 4.0


@dataclass(frozen=True)
class Series:
    """One row of the table; ``line`` and ``band`` are in the picture's own units."""

    latest: dict[str, Any]
    line: str
    last: tuple[float, float]
    band: tuple[float, float] | None
    """Top and height."""


def series(rows: list[dict[str, Any]]) -> list[Series]:
    """One a indicator, what is out of its range first.

    :param rows: of ``fct_indicator_trend``, by indicator and date
    """
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["indicator_code"]].append(row)
    drawn = [_series(of) for of in grouped.values()]
    return sorted(drawn, key=lambda s: (s.latest["interpretation"] not in ("H", "L"), s.latest["category"]))


def _series(points: list[dict[str, Any]]) -> Series:
    last = points[-1]
    limits = [v for v in (last["reference_low"], last["reference_high"]) if v is not None]
    shown = [p["value"] for p in points] + limits
    low, high = float(min(shown)), float(max(shown))
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return round(HEIGHT - AIR - (value - low) / span * (HEIGHT - 2 * AIR), 1)

    days = (last["exam_date"] - points[0]["exam_date"]).days or 1
    places = [
        (round(AIR + (p["exam_date"] - points[0]["exam_date"]).days / days * (WIDTH - 2 * AIR), 1), y(p["value"]))
        for p in points
    ]
    top = y(last["reference_high"]) if last["reference_high"] is not None else 0.0
    bottom = y(last["reference_low"]) if last["reference_low"] is not None else HEIGHT
    band = (top, round(bottom - top, 1)) if limits else None
    return Series(last, " ".join(f"{x},{v}" for x, v in places), places[-1], band)
