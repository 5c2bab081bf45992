"""Rows behind charts as a reader would get them, inside Superset's own environment: for reports that are sent.

Orders come as a JSON list on standard input, each with ``username``, ``dashboard`` (a slug) and ``queries``
(``dataset``: uuid, ``query``: as ``/api/v1/chart/data`` takes one). One line of JSON an order goes to standard output:
``{"results": [[row, …], …]}`` or ``{"refused": reason}``. The reader's account, roles and dashboards are asked as a
request of theirs would be, and PostgreSQL is read as their own role: nobody's rights are borrowed.
"""

from __future__ import annotations

import datetime as dt
import decimal
import os
import sys
from typing import Any

from superset.app import create_app


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    app = create_app()
    from superset.utils import json

    for order in json.loads(sys.stdin.read()):
        with app.test_request_context("/"):
            answer = _answer(order)
        print(json.dumps(answer, default=_plain, ignore_nan=True), file=answers, flush=True)


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    from superset import security_manager
    from superset.exceptions import SupersetException, SupersetSecurityException
    from superset.models.dashboard import Dashboard
    from superset.utils.core import override_user

    user = security_manager.find_user(username=order["username"])
    if user is None or not user.is_active:
        return {"refused": "there is no active account in Superset"}
    with override_user(user):
        try:
            dashboard = Dashboard.get(order["dashboard"])
            if dashboard is None:
                return {"refused": "there is no such dashboard"}
            security_manager.raise_for_access(dashboard=dashboard)
            return {"results": [_rows(each) for each in order["queries"]]}
        except SupersetSecurityException:
            return {"refused": "the dashboard or a dataset of it is not open to this reader"}
        except SupersetException as error:
            return {"refused": f"Superset: {type(error).__name__}"}


def _rows(asked: dict[str, Any]) -> list[dict[str, Any]]:
    from superset import db
    from superset.charts.schemas import ChartDataQueryContextSchema
    from superset.commands.chart.data.get_data_command import ChartDataCommand
    from superset.commands.chart.exceptions import ChartDataQueryFailedError
    from superset.connectors.sqla.models import SqlaTable

    dataset = db.session.query(SqlaTable).filter_by(uuid=asked["dataset"]).one()
    context = ChartDataQueryContextSchema().load(
        {
            "datasource": {"id": dataset.id, "type": "table"},
            "queries": [asked["query"]],
            "result_format": "json",
            "result_type": "full",
            "force": True,  # of now, not of the cache
        }
    )
    command = ChartDataCommand(context)
    command.validate()
    (result,) = command.run()["queries"]
    if result.get("error"):
        raise ChartDataQueryFailedError("query failed")
    return list(result["data"])


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes").removesuffix(" 00:00")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


if __name__ == "__main__":
    main()
