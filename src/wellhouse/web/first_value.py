"""A dashboard is drawn even where a filter that begins with its first value has none to begin with."""

from __future__ import annotations

from typing import Any

from flask import Response, json, request

PATH = "/api/v1/chart/data"


def add(response: Response) -> Response:
    """Such a filter is told of one empty value: Superset waits for the first before it draws any chart, for ever if no
    year or person is there yet. The charts then say for themselves that there is nothing."""
    if request.path != PATH or response.status_code != 200 or not response.is_json:
        return response
    asked: dict[str, Any] = request.get_json(silent=True) or {}
    if not (asked.get("form_data") or {}).get("defaultToFirstItem"):
        return response
    answer = json.loads(response.get_data())
    for query, result in zip(asked["queries"], answer["result"], strict=True):
        if not result["data"] and not query.get("filters"):  # what is searched for in vain is not offered
            result |= {"data": [dict.fromkeys(query["columns"])], "rowcount": 1, "colnames": query["columns"]}
            response.set_data(json.dumps(answer))
    return response
