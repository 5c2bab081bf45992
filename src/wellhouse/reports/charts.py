"""What a chart of a dashboard asks of its dataset, read from the assets that are deployed.

A chart's YAML holds what its author chose and no query: in the browser Superset makes one of the other. Here it is made
for the kinds of chart that print well; the query itself is run by Superset (``infra/superset_charts.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wellhouse.errors import WellhouseError

NUMBER, TABLE = "big_number_total", "table"
SERIES = {"echarts_timeseries_bar": "bar", "echarts_timeseries_line": "line", "echarts_timeseries_step": "line"}
MOST_ROWS = 5_000
AGGREGATED = ("population", "ops", "quarantine")
"""Schemas of which readers see counts, and no person's rows."""


@dataclass(frozen=True)
class Chart:
    """``kind``: number, table, bar or line. ``names`` and ``formats`` are of columns and metrics."""

    title: str
    kind: str
    note: str
    dataset: str
    personal: bool
    query: dict[str, Any]
    columns: tuple[str, ...]
    """In the order in which they are printed; of a bar or line the first is the axis, the last ones are metrics."""
    metrics: tuple[str, ...]
    names: dict[str, str]
    formats: dict[str, str]
    axis_format: str | None
    unit: str


def charts(assets: Path, dashboard: str, names: tuple[str, ...]) -> list[Chart]:
    """Those charts as this dashboard shows them when it is opened.

    :raises WellhouseError: no such dashboard or chart, or one of a kind that is not printed
    """
    page = _read(assets / "dashboards" / f"{dashboard}.yaml")
    datasets = {d["uuid"]: d for d in map(_read, sorted((assets / "datasets").glob("*.yaml")))}
    return [_chart(_read(assets / "charts" / f"{name}.yaml"), page, datasets) for name in names]


def _chart(chart: dict[str, Any], page: dict[str, Any], datasets: dict[str, Any]) -> Chart:
    params, dataset, kind = chart["params"], datasets[chart["dataset_uuid"]], chart["viz_type"]
    if kind not in (NUMBER, TABLE, *SERIES):
        raise WellhouseError(f"the chart {chart['slice_name']} is {kind}, which is not printed in reports")
    groups = list(params.get("groupby") or [])
    if kind == TABLE and params.get("query_mode") == "raw":
        columns, metrics = list(params["all_columns"]), []
    elif kind == NUMBER:
        columns, metrics = [], [params["metric"]]
    else:
        columns, metrics = [c for c in (params.get("x_axis"), *groups) if c], list(params["metrics"])
    labels = tuple(m if isinstance(m, str) else str(m["label"]) for m in metrics)
    query = {
        "columns": columns,
        "metrics": metrics or None,
        "filters": [*map(_filter, params.get("adhoc_filters") or []), *_of_page(chart, dataset, page)],
        "orderby": _order(params, columns, metrics),
        "row_limit": min(int(params.get("row_limit") or MOST_ROWS), MOST_ROWS),
    }
    named = [*dataset["columns"], *dataset["metrics"]]
    return Chart(
        title=chart["slice_name"],
        kind={NUMBER: "number", TABLE: "table"}.get(kind) or SERIES[kind],
        note=str(params.get("subtitle") or ""),
        dataset=dataset["uuid"],
        personal=dataset["schema"] not in AGGREGATED,
        query=query,
        columns=(*columns, *labels),
        metrics=labels,
        names={_name(c): c.get("verbose_name") or _name(c) for c in named},
        formats={m["metric_name"]: m["d3format"] for m in dataset["metrics"] if m.get("d3format")},
        axis_format=params.get("y_axis_format"),
        unit=str(params.get("y_axis_title") or ""),
    )


def _name(column: dict[str, Any]) -> str:
    return str(column.get("column_name") or column["metric_name"])


def _filter(adhoc: dict[str, Any]) -> dict[str, Any]:
    if adhoc["expressionType"] != "SIMPLE" or adhoc.get("clause") != "WHERE":
        raise WellhouseError("a filter in SQL of its own is not one that a report knows")
    return {"col": adhoc["subject"], "op": adhoc["operator"], "val": adhoc.get("comparator")}


def _of_page(chart: dict[str, Any], dataset: dict[str, Any], page: dict[str, Any]) -> list[dict[str, Any]]:
    """What the dashboard's filters are set to when it is opened, of those that reach this chart and its dataset."""
    placed = [p["meta"] for p in page["position"].values() if isinstance(p, dict) and p.get("type") == "CHART"]
    numbers = {str(meta["uuid"]): meta["chartId"] for meta in placed}
    if chart["uuid"] not in numbers:
        raise WellhouseError(f"the chart {chart['slice_name']} is not on the dashboard {page['slug']}")
    known = {_name(c) for c in dataset["columns"]}
    return [
        each
        for chosen in page["metadata"].get("native_filter_configuration") or []
        if numbers[chart["uuid"]] not in chosen["scope"]["excluded"]
        for each in (chosen.get("defaultDataMask") or {}).get("extraFormData", {}).get("filters", [])
        if each["col"] in known
    ]


def _order(params: dict[str, Any], columns: list[str], metrics: list[Any]) -> list[list[Any]]:
    if params.get("order_by_cols"):
        return [json.loads(each) for each in params["order_by_cols"]]
    if metrics and columns:
        return [[params.get("timeseries_limit_metric") or metrics[0], not params.get("order_desc", True)]]
    return []


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError:
        raise WellhouseError(f"there is no {path.parent.name.rstrip('s')} {path.stem}") from None
