"""An account leaked at T: whom did it see, whom could it have seen, what did it do. Persons by code, never by name."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from wellhouse import audit, db, files
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

_EVENTS = """
    select event_id, at, reader, action, path, purpose, cardinality(persons) as persons, rows from audit.event
    where reader = any(%(who)s) and at >= %(since)s order by event_id
"""
_SEEN = """
    select person as person_key, min(at) as first_seen, max(at) as last_seen, count(*) as events,
           string_agg(distinct action || '/' || path, ' ') as how
    from audit.event, unnest(persons) person
    where reader = any(%(who)s) and at >= %(since)s group by 1 order by 1
"""
_CHANGES = """
    select event_id, at, reader, action, path, purpose from audit.event
    where action in ('provision', 'grant', 'revoke', 'review')
      and (purpose = %(name)s or starts_with(purpose, %(name)s || ' ') or starts_with(purpose, %(name)s || ':'))
    order by event_id
"""
_REACHABLE = """
    select person_key, string_agg(site, ' ' order by site) as sites from vault.person_site
    where site = any(%(sites)s) group by 1 order by 1
"""
_SUPERSET = """
    select l.dttm as at, l.action, l.dashboard_id, l.slice_id, l.duration_ms from logs l
    join ab_user u on u.id = l.user_id where u.username = %(name)s and l.dttm >= %(since)s at time zone 'UTC' order by 1
"""


@dataclass(frozen=True)
class Incident:
    """``seen``: persons the audit proves; ``reachable``: persons of the sites the account was ever cleared for."""

    incident: str
    account: str
    since: str
    opened_at: str
    by: str
    events: int
    seen: int
    reachable: int
    sites: list[str]
    folder: str
    seconds: float
    sha256: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def gather(of: Settings, account: str, since: dt.datetime, operator: str, purpose: str) -> Incident:
    """Collect everything into ``var/incidents/<number>``, which only its owner may read.

    :param account: a reader's username, or ``os:<login>`` of a command line
    :raises WellhouseError: nobody of that name ever did or could do anything
    """
    began = time.monotonic()
    now = dt.datetime.now(ZoneInfo(of.timezone))
    who = [account] if account.startswith("os:") else [account, db.READER_PREFIX + account, f"os:{account}"]
    asked: dict[str, Any] = {"who": who, "name": account, "since": since}
    tables: dict[str, bytes] = {}
    counts: dict[str, int] = {}

    def add(name: str, connection: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
        cursor = connection.execute(query.encode(), asked)
        rows = cursor.fetchall()
        tables[f"{name}.csv"], counts[name] = _csv([c.name for c in cursor.description or ()], rows), len(rows)
        return rows

    with db.connect("wh_ops", of) as connection:
        add("events", connection, _EVENTS)
        add("seen", connection, _SEEN)
        changes = add("changes", connection, _CHANGES)
    with db.connect("wh_access", of) as connection:
        known = connection.execute("select from access.reader where username = %s", (account,)).fetchone()
        granted = connection.execute("select site from access.site_grant where username = %s", (account,)).fetchall()
    if known is None and not counts["events"]:
        raise WellhouseError(f"there is no account {account} and it left no trace")
    with db.connect("wh_ingest", of) as connection:
        every = {site for (site,) in connection.execute("select distinct site from vault.person_site")}
        # what was taken away since is in the trail only
        named = {word for row in changes for word in str(row[5]).replace(",", " ").split()}
        asked["sites"] = sorted({site for (site,) in granted} | (named & every))
        add("reachable", connection, _REACHABLE)
    try:
        with psycopg.connect(**db.parameters("superset", of, "superset")) as connection:
            add("superset", connection, _SUPERSET)
    except psycopg.errors.UndefinedTable:
        pass  # Superset was never started here
    tables["server.log"] = _server_log(of, account)
    number = f"I-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    audit.record(of, operator, action="incident", path="access", purpose=f"{number} {account}: {purpose}")
    folder = of.var / "incidents" / number
    folder.mkdir(parents=True, mode=0o700)
    for name, content in tables.items():
        files.replace(folder / name, content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in tables.items()}
    done = Incident(
        number, account, since.isoformat(), now.isoformat(timespec="seconds"), operator,
        counts["events"], counts["seen"], counts["reachable"],
        asked["sites"], str(folder), round(time.monotonic() - began, 2), sums,
    )  # fmt: skip
    files.replace(folder / "incident.json", json.dumps(done.as_json(), ensure_ascii=False, indent=2).encode())
    return done


def lock_down(of: Settings, operator: str, purpose: str) -> int:
    """No reader logs in any more, open sessions end; how many readers."""
    return _all(of, "lock_down", operator, purpose)


def lift(of: Settings, operator: str, purpose: str) -> int:
    """Those who may log in again: not the revoked, the expired, the unreviewed; how many readers were not revoked."""
    return _all(of, "lift_lockdown", operator, purpose)


def _all(of: Settings, function: str, operator: str, purpose: str) -> int:
    with db.connect("wh_access", of) as connection:
        row = connection.execute(f"select access.{function}()".encode()).fetchone()
        audit.record(of, operator, action=function, path="access", purpose=purpose)
    assert row is not None
    return int(row[0])


def _server_log(of: Settings, account: str) -> bytes:
    """What the database server itself logged of this login (pgaudit)."""
    mark = f" {db.READER_PREFIX}{account}@".encode()
    kept: list[bytes] = []
    for path in sorted(Path(of.logs).glob("postgres.log*")):
        with path.open("rb") as log:
            kept += [line for line in log if mark in line]
    return b"".join(kept)


def _csv(columns: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")
