"""Alerts of ``ops.alert``: one line a thing that somebody has to look at, however often it is found."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from wellhouse import db
from wellhouse.settings import Settings


@dataclass(frozen=True)
class Alert:
    """``subject``: a reader, a role, a service; ``key``: the same thing again has the same; ``detail``: counts, names
    of objects, never a person's."""

    rule: str
    severity: str
    subject: str
    key: str
    detail: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def put(of: Settings, alerts: Iterable[Alert]) -> list[Alert]:
    """Write those that are not there yet, and return them."""
    fresh = []
    with db.connect("wh_ops", of) as connection:
        for alert in alerts:
            values = (alert.rule, alert.severity, alert.subject, alert.key, json.dumps(alert.detail, default=str))
            done = connection.execute(
                """insert into ops.alert (rule, severity, subject, key, detail) values (%s, %s, %s, %s, %s)
                   on conflict (rule, key) do nothing""",
                values,
            )
            if done.rowcount:
                fresh.append(alert)
    _tell(of, fresh)
    return fresh


def _tell(of: Settings, alerts: list[Alert]) -> None:
    """One line each in ``var/logs/alerts.log``, which `make logs` follows."""
    if alerts:
        of.logs.mkdir(parents=True, exist_ok=True)
        now = dt.datetime.now(dt.UTC).astimezone().isoformat(timespec="seconds")
        with (of.logs / "alerts.log").open("a") as file:
            file.writelines(f"{now} ALERT {a.rule} ({a.severity}): {a.subject}\n" for a in alerts)
