"""A filter that begins with its first value always has one."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Response, jsonify
from flask.testing import FlaskClient

from wellhouse.web import first_value


@pytest.fixture
def superset() -> FlaskClient:
    """Answers as Superset does where there is no row."""
    app = Flask(__name__)
    app.after_request(first_value.add)

    @app.post(first_value.PATH)
    def data() -> Response:
        return jsonify(result=[{"data": [], "rowcount": 0, "colnames": []}])

    return app.test_client()


def asked(superset: FlaskClient, form: dict[str, Any] | None, filters: list[Any]) -> Any:
    query = {"columns": ["exam_year"], "filters": filters}
    answer = superset.post(first_value.PATH, json={"queries": [query], "form_data": form}).get_json()
    return answer["result"][0]["data"]


@pytest.mark.parametrize(
    ("form", "filters", "told"),
    [
        ({"defaultToFirstItem": True}, [], [{"exam_year": None}]),
        ({"defaultToFirstItem": True}, [{"col": "exam_year", "op": "ILIKE", "val": "%19%"}], []),
        ({"defaultToFirstItem": False}, [], []),
        ({}, [], []),
        (None, [], []),
    ],
)
def test_only_where_there_is_nothing_to_begin_with(
    superset: FlaskClient, form: dict[str, Any] | None, filters: list[Any], told: list[Any]
) -> None:
    assert asked(superset, form, filters) == told
