"""Is every service well, and how old is every mart?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import psycopg

from wellhouse import db
from wellhouse.ops import airflow, pgbackrest, ports, services, supervisor, trust, volume
from wellhouse.settings import Settings

AIRFLOW_PARTS = {
    "airflow-api-server": "metadatabase",
    "airflow-scheduler": "scheduler",
    "airflow-dag-processor": "dag_processor",
    "airflow-triggerer": "triggerer",
}
LAST_BUILDS = """
    select distinct on (name) name, status, at
    from (select substring(node from '[^.]+$') as name, status, at from ops.model_run) run
    where name ~ '^(dim|fct|rpt)_'
    order by name, at desc
"""


@dataclass(frozen=True)
class Service:
    """One service: what the supervisor sees and whether it answers."""

    name: str
    state: str
    healthy: bool
    detail: str


@dataclass(frozen=True)
class Mart:
    """One table that people read and its newest build."""

    name: str
    status: str
    built_at: str
    age_hours: float

    @property
    def healthy(self) -> bool:
        return self.status == "success"


@dataclass(frozen=True)
class Report:
    """The whole installation."""

    services: list[Service]
    marts: list[Mart]
    volume: str | None
    """What encrypts the volume of ``var``; None: nothing that we can see."""
    repositories_elsewhere: list[int]
    """The repositories of backups that outlive the data's disk."""

    @property
    def healthy(self) -> bool:
        return all(s.healthy for s in self.services) and all(m.healthy for m in self.marts)

    def as_json(self) -> dict[str, Any]:
        marts = [asdict(m) | {"healthy": m.healthy} for m in self.marts]
        return {"healthy": self.healthy, "services": [asdict(s) for s in self.services],
            "marts": marts, "volume_encryption": self.volume,
            "repositories_elsewhere": self.repositories_elsewhere}  # fmt: skip


def report(settings: Settings) -> Report:
    """Ask everything once."""
    everything = ("postgres", *services.AIRFLOW, services.MLLP, services.SUPERSET, services.MONITOR)
    return Report(
        check(settings, everything), marts(settings), volume.encryption(settings.var), pgbackrest.elsewhere(settings)
    )


def check(settings: Settings, wanted: Iterable[str]) -> list[Service]:
    """The health of the services ``wanted``; each is asked itself, a live process is not enough."""
    states = supervisor.states(settings)
    wanted = list(wanted)
    parts = _airflow_parts(settings) if set(wanted) & set(AIRFLOW_PARTS) else {}
    found = []
    for name in wanted:
        if name == services.POSTGRES:
            detail = _postgres(settings)
        elif name == services.SUPERSET:
            detail = _superset(settings)
        elif name == services.MONITOR:
            detail = "healthy" if ports.answers(settings, settings.monitor_port) else "does not answer"
        elif name == services.MLLP:
            detail = "healthy" if ports.answers(settings, settings.mllp_port) else "does not answer"
        else:
            detail = parts.get(AIRFLOW_PARTS[name], "does not answer")
        state = "EXTERNAL" if name == services.POSTGRES and settings.database_url else states.get(name, "STOPPED")
        found.append(Service(name, state, detail == "healthy" and state in ("RUNNING", "EXTERNAL"), detail))
    return found


def marts(settings: Settings) -> list[Mart]:
    """The newest build of every mart that a model makes."""
    there = modelled(settings)
    return [mart for mart in builds(settings) if mart.name in there]


def modelled(settings: Settings) -> set[str]:
    """What the project has models of."""
    return {file.stem for file in (settings.root / "dbt_project" / "models").rglob("*.sql")}


def builds(settings: Settings) -> list[Mart]:
    """The newest build of every mart, also of those that no model makes any more.

    Nothing when PostgreSQL does not answer or nothing was built.
    """
    try:
        with db.connect("wh_ops", settings, connect_timeout=5) as connection:
            rows = connection.execute(LAST_BUILDS).fetchall()
    except psycopg.Error:
        return []
    now = dt.datetime.now(dt.UTC)
    return [
        Mart(n, s, at.isoformat(timespec="seconds"), round((now - at).total_seconds() / 3600, 1)) for n, s, at in rows
    ]


def _postgres(settings: Settings) -> str:
    try:
        db.connect("wh_ops", settings, connect_timeout=5).close()
        return "healthy"
    except psycopg.Error:
        return "does not answer"


def _superset(settings: Settings) -> str:
    answer = _get(settings, f"https://localhost:{settings.superset_port}/health")
    return "healthy" if answer is not None and answer.text.strip() == "OK" else "does not answer"


def _airflow_parts(settings: Settings) -> dict[str, str]:
    answer = _get(settings, f"{airflow.url(settings)}/api/v2/monitor/health")
    if answer is None:
        return {}
    return {name: str(part.get("status") or "no heartbeat") for name, part in answer.json().items()}


def _get(settings: Settings, url: str) -> httpx.Response | None:
    try:
        with httpx.Client(verify=trust.context(settings), timeout=10, trust_env=False) as client:
            return client.get(url).raise_for_status()
    except (httpx.HTTPError, OSError):
        return None
