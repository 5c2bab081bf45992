"""Unusual access: rules of ``dashboards/access/unusual_access.yaml`` put to the audit trail.

A rule says what is unusual by thresholds; which question that is, is one of :data:`QUESTIONS`. Each answers rows of
(reader, the hour or day, detail), so that the same finding has the same key however often the rules are run.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml

from wellhouse import db
from wellhouse.access import alerts
from wellhouse.access.alerts import Alert
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

READS = ["read", "reveal", "export", "play"]
"""Actions that show somebody an identified person."""

_VOLUME = """
    with hourly as (
        select reader, date_trunc('hour', at, %(zone)s) as slot, count(distinct person) as persons
        from audit.event, unnest(persons) person
        where action = any(%(reads)s) and at >= %(since)s - interval '28 days' group by 1, 2
    )
    select h.reader, h.slot, jsonb_build_object('persons', h.persons, 'busiest_hour_before', before.persons)
    from hourly h, lateral (
        select coalesce(max(o.persons), 0) as persons from hourly o
        where o.reader = h.reader and o.slot < h.slot and o.slot >= h.slot - interval '28 days'
    ) before
    where h.slot >= date_trunc('hour', %(since)s, %(zone)s) and h.persons >= %(persons)s
      and h.persons >= %(times_usual)s * before.persons
"""
_HOURS = """
    select reader, date_trunc('hour', at, %(zone)s),
           jsonb_build_object('events', count(*), 'persons', sum(cardinality(persons)))
    from audit.event, lateral (select (at at time zone %(zone)s)::time as clock) local
    where action = any(%(reads)s) and cardinality(persons) > 0 and at >= %(since)s
      and case when %(from)s::time <= %(to)s::time then clock >= %(from)s::time and clock < %(to)s::time
               else clock >= %(from)s::time or clock < %(to)s::time end
    group by 1, 2
"""
_FOREIGN = """
    select reader, date_trunc('hour', at, %(zone)s),
           jsonb_build_object('events', array_agg(event_id order by event_id), 'persons', sum(persons))
    from access.foreign_reads(%(since)s) where action = any(%(reads)s) group by 1, 2
"""
_EXPORT = """
    select reader, date_trunc('day', at, %(zone)s), jsonb_build_object('persons', count(distinct person))
    from audit.event, unnest(persons) person
    where action = 'export' and at >= date_trunc('day', %(since)s, %(zone)s) group by 1, 2
    having count(distinct person) >= %(persons)s
"""
QUESTIONS = {"volume": _VOLUME, "hours": _HOURS, "foreign": _FOREIGN, "export": _EXPORT}


def load(file: Path) -> list[dict[str, Any]]:
    """The rules of the file.

    :raises WellhouseError: a rule of no known kind
    """
    rules: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["rules"]
    for rule in rules:
        if rule["kind"] not in QUESTIONS:
            raise WellhouseError(f"{file.name}: {rule['name']}: no such kind; there are {', '.join(QUESTIONS)}")
    return rules


def watch(of: Settings, since: dt.datetime) -> list[Alert]:
    """What was unusual since then and was not told before; it is written to ``ops.alert``."""
    found = []
    with db.connect("wh_ops", of) as connection:
        for rule in load(of.root / "dashboards" / "access" / "unusual_access.yaml"):
            values = {"since": since, "zone": of.timezone, "reads": READS} | rule
            rows = connection.execute(QUESTIONS[rule["kind"]].encode(), values).fetchall()
            for reader, slot, detail in rows:
                said = {"since": slot.isoformat(), "text_en": rule["text_en"], "text_zh": rule["text_zh"], **detail}
                found.append(Alert(rule["name"], rule["severity"], reader, f"{reader} {slot.isoformat()}", said))
    return alerts.put(of, found)
