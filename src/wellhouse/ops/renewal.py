"""Certificates renewed, and the services made to use them."""

from __future__ import annotations

import datetime as dt

from wellhouse.ops import bootstrap, certificates, cluster, services, supervisor
from wellhouse.settings import Settings

USERS = {"airflow": (services.AIRFLOW[0],), "superset": (services.SUPERSET,), "mllp": (services.MLLP,)} | {
    "monitor": (services.MONITOR,)
}
"""Certificate → services that have it open. PostgreSQL reads its own anew without a restart."""


def renew(settings: Settings, days: int) -> list[str]:
    """Issue those with fewer than ``days`` left anew, under the same authority; their names."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    due = [n for n, end in certificates.expiry(settings.tls).items() if end < until and n != certificates.AUTHORITY]
    for name in due:
        certificates.issue(settings.tls, name, settings.mllp_host)
    if "postgres" in due and not settings.database_url:
        cluster.configure(settings, cluster.data(settings))
        with bootstrap.administrator(settings) as server:
            server.execute("select pg_reload_conf()")
    running = supervisor.states(settings)
    users = [s for name in due for s in USERS.get(name, ()) if running.get(s) in ("RUNNING", "STARTING")]
    supervisor.restart(settings, users)
    return due
