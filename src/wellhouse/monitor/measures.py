"""What can be measured of an installation, as samples of Prometheus gauges; no sample ever tells of a person."""

from __future__ import annotations

import datetime as dt
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.ingest.mapping import SOURCES
from wellhouse.ops import backup, certificates, copies, health, pgbackrest, pipeline, services
from wellhouse.settings import Settings

HEARTBEAT = "heartbeat"
GONE = math.nan
"""The value of what is not there any more: it is in no breach, so that its alert ends."""


@dataclass(frozen=True)
class Sample:
    """One gauge's value for one set of labels."""

    measure: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)


def collect(settings: Settings, began: float) -> list[Sample]:
    """Everything, once. What cannot be asked because something is down is absent; that it is down is a sample.

    What cannot be measured for another reason hides nothing else, and is a sample, too.

    :param began: when watching began, seconds since 1970: what never happened is as old as that
    """
    sources: dict[str, Callable[[], Iterator[Sample]]] = {
        "services": lambda: _services(settings),
        "marts": lambda: _marts(settings),
        "warehouse": lambda: _warehouse(settings),
        "dags": lambda: dags(settings),
        "backups": lambda: _backups(settings, began),
        "disks": lambda: _disks(settings),
        "places": lambda: _places(settings),
        "certificates": lambda: _certificates(settings),
        "keys": lambda: _keys(settings),
        "heartbeat": lambda: _heartbeat(settings, began),
    }
    found: list[Sample] = []
    for name, source in sources.items():
        measured = True
        try:
            found.extend(source())
        except (psycopg.Error, OSError, WellhouseError):
            pass
        except Exception as error:
            measured = False
            # its type only: what it says could be of a person
            print(f"monitor: {name} could not be measured: {type(error).__name__}", file=sys.stderr, flush=True)
        found.append(Sample("wellhouse_measured", float(measured), {"what": name}))
    return found


def beat(settings: Settings) -> None:
    """The scheduler lives: called by the canary DAG."""
    file = settings.var / "run" / HEARTBEAT
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch()


def _services(settings: Settings) -> Iterator[Sample]:
    wanted = [name for name in services.names(settings) if name != services.MONITOR]
    for each in health.check(settings, wanted):
        yield Sample("wellhouse_service_up", float(each.healthy), {"service": each.name})


def _marts(settings: Settings) -> Iterator[Sample]:
    there = health.modelled(settings)
    for mart in health.builds(settings):
        age, well = (mart.age_hours * 3600, float(mart.healthy)) if mart.name in there else (GONE, GONE)
        yield Sample("wellhouse_mart_age_seconds", age, {"mart": mart.name})
        yield Sample("wellhouse_mart_ok", well, {"mart": mart.name})


def _warehouse(settings: Settings) -> Iterator[Sample]:
    with db.connect("wh_ops", settings, connect_timeout=5) as connection:
        rows = connection.execute(
            """select source, sum(rows_quarantined)::float / nullif(sum(rows_read), 0), sum(rows_read)::float,
                      count(*) filter (where status = 'quarantined')
               from ops.load where finished_at > now() - interval '1 day' group by source"""
        ).fetchall()
        # what nothing came of is measured, too: its alert would never end, and its next refusal be told to nobody
        came = {row[0] for row in rows}
        silent = [(source, 0.0, 0.0, 0) for source in SOURCES if source not in came]
        for source, share, read, refused in (*rows, *silent):
            yield Sample("wellhouse_rejected_share", share or 0.0, {"source": source})
            yield Sample("wellhouse_records_read", read, {"source": source})
            yield Sample("wellhouse_files_refused", refused, {"source": source})
        gates = connection.execute(
            """select table_name, critical_failed = 0 from ops.gate_result
               where run_id = (select run_id from ops.gate_result order by gate_id desc limit 1)"""
        ).fetchall()
        for name, whole in gates:
            yield Sample("wellhouse_gate_ok", float(whole), {"table": name})


def dags(settings: Settings) -> Iterator[Sample]:
    """Whether each DAG's newest run succeeded, from Airflow's own table, which remembers those that were removed."""
    there = pipeline.names(settings)
    with psycopg.connect(**db.parameters("airflow", settings, "airflow"), connect_timeout=5) as connection:
        rows = connection.execute(
            """select distinct on (dag_id) dag_id, state = 'success' from dag_run
               where state in ('success', 'failed') order by dag_id, end_date desc"""
        ).fetchall()
    for dag, well in rows:
        yield Sample("wellhouse_dag_ok", float(well) if dag in there else GONE, {"dag": dag})


def _backups(settings: Settings, began: float) -> Iterator[Sample]:
    found = {(row.kind, row.repo): row.at for row in backup.listed(settings)}
    kinds = [backup.DATABASE] if not settings.database_url else []
    kinds += [copies.KEYSTORE] if (settings.keystore / "keystore.sqlite").exists() else []
    for kind in kinds:
        for repo in pgbackrest.REPOSITORIES:
            age = time.time() - found.get((kind, repo), began)
            yield Sample("wellhouse_backup_age_seconds", age, {"kind": kind, "repo": str(repo)})
    with db.connect("wh_ops", settings, connect_timeout=5) as connection:
        rows = connection.execute(
            """select distinct on (kind, repo, action) kind, repo, action, status = 'ok'
               from ops.backup order by kind, repo, action, at desc"""
        ).fetchall()
        for kind, repo, action, well in rows:
            name = "wellhouse_backup_whole" if action == "verify" else "wellhouse_backup_ok"
            yield Sample(name, float(well), {"kind": kind, "repo": str(repo)})
        drills = connection.execute(
            """select distinct on (repo) repo, status = 'ok', extract(epoch from now() - at)::float
               from ops.drill order by repo, at desc"""
        ).fetchall()
        if not settings.database_url:
            ages = dict.fromkeys(pgbackrest.REPOSITORIES, time.time() - began) | {r: age for r, _, age in drills}
            for repo, age in ages.items():
                yield Sample("wellhouse_drill_age_seconds", age, {"repo": str(repo)})
            (waiting,) = connection.execute(
                """select case when last_failed_time > coalesce(last_archived_time, '-infinity')
                               then extract(epoch from now() - coalesce(last_archived_time, stats_reset))::float
                               else 0 end from pg_stat_archiver"""
            ).fetchall()
            yield Sample("wellhouse_wal_waiting_seconds", waiting[0])
        for repo, well, _ in drills:
            yield Sample("wellhouse_drill_ok", float(well), {"repo": str(repo)})


def _disks(settings: Settings) -> Iterator[Sample]:
    places = {"var": settings.var} | {
        f"repo{n}": path for n in pgbackrest.REPOSITORIES if (path := pgbackrest.local(settings, n)) and path.exists()
    }
    for name, path in places.items():
        usage = shutil.disk_usage(path)
        yield Sample("wellhouse_disk_free_share", usage.free / usage.total, {"disk": name})


def _places(settings: Settings) -> Iterator[Sample]:
    yield Sample("wellhouse_repositories_elsewhere", len(pgbackrest.elsewhere(settings)))


def _certificates(settings: Settings) -> Iterator[Sample]:
    for name, until in certificates.expiry(settings.tls).items():
        days = (until - dt.datetime.now(dt.UTC)) / dt.timedelta(days=1)
        yield Sample("wellhouse_certificate_days", days, {"certificate": name})


def _keys(settings: Settings) -> Iterator[Sample]:
    if not (settings.keystore / "keystore.sqlite").exists():
        return
    try:
        with Keyring.open(settings) as ring:
            status = ring.status()
    except WellhouseError:
        yield Sample("wellhouse_keystore_ok", 0)
        return
    yield Sample("wellhouse_keystore_ok", 1)
    yield Sample("wellhouse_kek_age_days", status.kek_age_days)
    yield Sample("wellhouse_keys_under_other_kek", status.under_other_kek)


def _heartbeat(settings: Settings, began: float) -> Iterator[Sample]:
    file = Path(settings.var / "run" / HEARTBEAT)
    last = max(file.stat().st_mtime if file.exists() else began, 0)
    yield Sample("wellhouse_heartbeat_age_seconds", max(0.0, time.time() - last))
