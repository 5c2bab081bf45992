"""Charts and their rows as what the template sets, and as the sheets of a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from wellhouse.exports import plain
from wellhouse.reports.charts import Chart
from wellhouse.reports.read import Row
from wellhouse.summaries import numbers

MOST_BARS, MOST_TABLE_ROWS, MOST_COLUMNS = 20, 25, 8
NONE = "—"
_OF_PERSON = re.compile(r'<a href="[^"]*/(?:person-page|people)/[^"]*">')
_FORMAT = re.compile(r",?\.?(\d*)([%df])")


def document(charts: Sequence[Chart], results: Sequence[list[Row]]) -> dict[str, Any]:
    """``figures`` for the line of numbers on top, ``charts`` for what follows."""
    both = list(zip(charts, results, strict=True))
    return {
        "figures": [_figure(c, rows) for c, rows in both if c.kind == "number"],
        "charts": [_DRAWN[c.kind](c, rows) for c, rows in both if c.kind != "number"],
    }


def sheets(charts: Sequence[Chart], results: Sequence[list[Row]]) -> dict[str, list[list[Any]]]:
    return {chart.title: sheet(chart, rows) for chart, rows in zip(charts, results, strict=True)}


def sheet(chart: Chart, rows: list[Row]) -> list[list[Any]]:
    """Every row, with the names that people see above."""
    head = [chart.names.get(c, c) for c in chart.columns]
    return [head, *([plain(row.get(c)) for c in chart.columns] for row in rows)]


def persons(results: Iterable[list[Row]]) -> list[int]:
    """Whose rows these are, for the audit: by key, or by the link to the person's page."""
    found: set[int] = set()
    for rows in results:
        for row in rows:
            if row.get("person_key") is not None:
                found.add(int(row["person_key"]))
            found.update(int(plain(v)) for v in row.values() if isinstance(v, str) and _OF_PERSON.match(v))
    return sorted(found)


def shown(value: Any, form: str | None = None) -> str:
    """A cell as the dashboard shows it: ``form`` is a d3 format such as ``,d`` or ``.1%``."""
    value = plain(value)
    if value is None or value == "":
        return NONE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {True: "✓", False: ""}.get(value, str(value)) if isinstance(value, bool) else str(value)
    known = _FORMAT.fullmatch(form or "")
    if known is None:
        return f"{value:,}" if isinstance(value, int) else numbers.number(value, numbers.decimals([value]))
    places, kind = known.groups()
    if kind == "%":
        return f"{value * 100:.{int(places or 0)}f} %"
    return f"{value:,.0f}" if kind == "d" else f"{value:,.{int(places or 0)}f}"


def _figure(chart: Chart, rows: list[Row]) -> dict[str, str]:
    (metric,) = chart.metrics
    value = rows[0].get(metric) if rows else None
    return {"name": chart.title, "value": shown(value, chart.axis_format or chart.formats.get(metric)),
            "note": chart.note}  # fmt: skip


def _table(chart: Chart, rows: list[Row]) -> dict[str, Any]:
    columns = chart.columns[:MOST_COLUMNS]
    cells = [[shown(row.get(c), chart.formats.get(c)) for c in columns] for row in rows[:MOST_TABLE_ROWS]]
    return {
        "kind": "table",
        "title": chart.title,
        "columns": [chart.names.get(c, c) for c in columns],
        "widths": [_width([chart.names.get(c, c), *(r[i] for r in cells)]) for i, c in enumerate(columns)],
        "rows": cells,
        "rest": max(0, len(rows) - MOST_TABLE_ROWS),
    }


def _width(texts: list[str]) -> int:
    """Of a column beside the others: of its longest text, Chinese counted twice; a long one breaks."""
    return max(6, min(36, max(sum(1 + (ord(c) > 0x2E80) for c in t) for t in texts)))


def _bar(chart: Chart, rows: list[Row]) -> dict[str, Any]:
    """A bar a category and series, as long as its share of the longest."""
    categories, series, cells, in_order = _crossed(chart, rows)
    form = chart.axis_format or chart.formats.get(chart.metrics[0])
    longest = max((abs(v) for v in cells.values()), default=0.0) or 1.0
    return {
        "kind": "bar",
        "title": chart.title,
        "unit": chart.unit,
        "series": series,
        "rows": [
            {
                "label": category,
                "bars": [
                    {"share": abs(v) / longest, "negative": v < 0, "label": shown(v, form)}
                    if (v := cells.get((category, name))) is not None
                    else None
                    for name in series
                ],
            }
            for category in (categories[-MOST_BARS:] if in_order else categories[:MOST_BARS])
        ],
        "rest": max(0, len(categories) - MOST_BARS),
    }


def _line(chart: Chart, rows: list[Row]) -> dict[str, Any]:
    """A line a series; x and y from 0 to 1."""
    categories, series, cells, _ = _crossed(chart, rows)
    form = chart.axis_format or chart.formats.get(chart.metrics[0])
    low, high = min(cells.values(), default=0.0), max(cells.values(), default=1.0)
    air = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    low, high = low - air, high + air
    place = {c: 0.5 if len(categories) == 1 else i / (len(categories) - 1) for i, c in enumerate(categories)}
    every = -(-len(categories) // 8) or 1
    return {
        "kind": "line",
        "title": chart.title,
        "unit": chart.unit,
        "series": series,
        "lines": [
            [[place[c], (cells[c, name] - low) / (high - low)] for c in categories if (c, name) in cells]
            for name in series
        ],
        "ticks": [{"y": (t - low) / (high - low), "label": shown(t, form)} for t in numbers.ticks(low, high)],
        "labels": [{"x": place[c], "label": c} for c in categories[::every]],
    }


def _crossed(chart: Chart, rows: list[Row]) -> tuple[list[str], list[str], dict[tuple[str, str], float], bool]:
    """Categories of the axis, names of series, the value of each pair, and whether the axis has an order of its own."""
    axis, *groups = [c for c in chart.columns if c not in chart.metrics]
    cells: dict[tuple[str, str], float] = {}
    totals: dict[str, float] = {}
    keys: dict[str, Any] = {}
    for row in rows:
        category = shown(row.get(axis)) if not isinstance(row.get(axis), int) else str(row[axis])
        group = " · ".join(str(plain(row.get(g))) for g in groups)
        for metric in chart.metrics:
            if row.get(metric) is None:
                continue
            many = len(chart.metrics) > 1 or not groups
            name = " · ".join(filter(None, [group, chart.names.get(metric, metric) if many else ""]))
            cells[category, name] = float(row[metric])
            totals[category] = totals.get(category, 0.0) + abs(float(row[metric]))
            keys[category] = row.get(axis)
    in_order = all(isinstance(k, int | float) or re.match(r"\d", str(k)) for k in keys.values())
    categories = sorted(keys, key=lambda c: keys[c]) if in_order else sorted(totals, key=lambda c: -totals[c])
    return categories, sorted({name for _, name in cells}), cells, in_order


_DRAWN = {"table": _table, "bar": _bar, "line": _line}
