"""Rows of one reader: read with their own database role, so that PostgreSQL's policies decide what there is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

PERSON = """
    select p.person_key, p.site, s.name_zh as site_zh, s.name_en as site_en, p.sex, p.birth_year, p.age_years,
           p.first_exam_date, p.last_exam_date, p.exam_count
    from marts.dim_person p join marts.dim_site s using (site)
    where p.person_key = %s order by p.last_exam_date desc nulls last, p.site limit 1
"""
RECORDINGS = """
    select recording_key, recorded_on, agent, recording_duration_s, media_type from marts.fct_call_recording
    where person_key = %s order by recorded_on desc, recording_key
"""
TAGS = """
    select name_zh, name_en, severity, valid_from from marts.fct_person_tag
    where person_key = %s and site = %s and is_current order by severity, name_en
"""
DUE = """
    select due_date, due_status, overdue_days, text_zh, text_en, agent from marts.fct_follow_up_due
    where person_key = %s and site = %s and due_status in ('open', 'overdue')
    order by due_date, text_en
"""
ADVICE = """
    select topic, text_zh, text_en, source from marts.fct_advice
    where person_key = %s and site = %s order by place, advice
"""
TRENDS = """
    select t.indicator_code, t.indicator_name_zh, t.indicator_name_en, t.category, t.exam_date, t.value, t.unit,
           t.reference_low, t.reference_high, t.interpretation, t.change_from_previous, o.comparator
    from marts.fct_indicator_trend t join marts.fct_observation o using (exam_key, indicator_code)
    where t.person_key = %s and t.site = %s order by t.indicator_code, t.exam_number
"""
WORK_LIST = """
    select d.person_key, d.site, d.due_date, d.overdue_days, d.priority, d.due_status, d.failed_count, d.agent,
           d.plan, d.text_zh, d.text_en
    from marts.fct_follow_up_due d
    where d.due_status in ('open', 'overdue')
    order by d.priority, d.due_date, d.person_key, d.follow_up_due_key limit %s
"""
SCOPE = """
    select r.role, r.valid_until, s.site, s.valid_until as site_until
    from access.reader r left join access.site_grant s
        on s.username = r.username and now() < coalesce(s.valid_until, 'infinity')
    where r.username = %s order by s.site
"""


@contextmanager
def as_reader(of: Settings, username: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A read-only transaction of the reader's own role; raises as :func:`wellhouse.db.connect_reader`."""
    with db.connect_reader(username, of, row_factory=dict_row) as connection:
        connection.execute("set transaction isolation level repeatable read")
        yield connection


def role(connection: psycopg.Connection[DictRow]) -> str:
    row = connection.execute("select access.my_role() as role").fetchone()
    return str(row["role"] or "") if row else ""


def identities(of: Settings, persons: Sequence[tuple[int, str]]) -> dict[int, dict[str, str]]:
    """Who these persons are, of those whom their site knows. The caller has proven the right and has audited.

    :param persons: (``person_key``, site); one who was erased meanwhile is absent
    """
    found: dict[int, dict[str, str]] = {}
    with db.connect("wh_identity", of) as connection, Keyring.open(of) as keyring:
        known = connection.execute(
            "select person_key, site from vault.person_site where person_key = any(%s)", ([k for k, _ in persons],)
        ).fetchall()
        for person_key, _ in {*persons} & {(int(k), str(s)) for k, s in known}:
            try:
                found[person_key] = reveal(connection, keyring, person_key)
            except WellhouseError:
                continue
    return found


def scope(of: Settings, username: str) -> tuple[str, dt.datetime | None, list[tuple[str, dt.datetime | None]]]:
    """A reader's role and until when, and the sites they are cleared for, each with until when."""
    from wellhouse.signin import store

    with store.connection(of) as connection:
        rows = connection.execute(SCOPE, (username,)).fetchall()
    if not rows:
        raise WellhouseError("there is no such reader")
    return rows[0][0], rows[0][1], [(r[2], r[3]) for r in rows if r[2] is not None]


def rows(connection: psycopg.Connection[DictRow], query: str, *values: Any) -> list[dict[str, Any]]:
    return [dict(r) for r in connection.execute(query.encode(), values).fetchall()]
