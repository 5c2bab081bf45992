"""Every role, every table and view there is, every verb: tried, and allowed exactly where it should be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from wellhouse import db
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

USERS = {
    "analyst_hz": "analyst", "manager_hz": "health_manager", "management": "management",
    "administrator": "administrator", "auditor": "auditor",
}  # fmt: skip
MAY_READ = {
    "analyst": ("marts.", "population."),
    "health_manager": ("marts.",),
    "management": ("population.",),
    "administrator": ("ops.", "access.reader", "access.site_grant"),
    "auditor": ("audit.event",),
}
"""Beginnings of names; everything else is closed, and nothing may be changed by anybody."""
VERBS = {
    "select": "select 1 from {} limit 0",
    "insert": "insert into {} default values",
    "delete": "delete from {} where false",
    "truncate": "truncate {}",
    "lock": "lock table {} in access exclusive mode",
}


@pytest.fixture(scope="module")
def objects(built: Settings) -> list[str]:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    with administrator(built, built.database) as connection:
        rows = connection.execute(
            """select format('%I.%I', schemaname, relname) from (
                   select n.nspname as schemaname, c.relname from pg_class c join pg_namespace n on n.oid = relnamespace
                   where c.relkind in ('r', 'v', 'm', 'p') and n.nspname !~ '^(pg_|information_schema)'
               ) x order by 1"""
        ).fetchall()
    return [str(name) for (name,) in rows]


@pytest.fixture(params=USERS)
def reader(
    request: pytest.FixtureRequest, built: Settings, objects: list[str]
) -> Iterator[tuple[str, psycopg.Connection]]:
    username = str(request.param)
    with psycopg.connect(**db.parameters(db.reader_role(username), built), autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")  # a reader may: it must not help
        yield USERS[username], connection


def allowed(connection: psycopg.Connection, statement: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def test_there_is_something_to_try(objects: list[str]) -> None:
    assert {name.split(".")[0] for name in objects} >= {"vault", "landing", "marts", "population", "access", "audit"}
    assert len(objects) > 100


def test_a_role_reads_what_it_should_and_changes_nothing(
    reader: tuple[str, psycopg.Connection], objects: list[str]
) -> None:
    role, connection = reader
    wrong = []
    for name in objects:
        for verb, statement in VERBS.items():
            may = verb == "select" and name.startswith(MAY_READ[role])
            if allowed(connection, statement.format(name)) != may:
                wrong.append((role, verb, name, "should be allowed" if may else "should be refused"))
    assert wrong == []


@pytest.mark.parametrize(
    "statement",
    ["set role wh_owner", "set session authorization postgres", "create schema mine", "create table marts.mine (a int)",
     "create temp table mine (a int)", "create function public.f() returns int language sql as 'select 1'",
     "alter role current_user bypassrls", "grant wh_transform to current_user", "create extension dblink schema marts",
     "select access.provision('x', 'analyst', 'SCRAM-SHA-256$', '{hz}', null)", "select access.revoke('auditor')"],
)  # fmt: skip
def test_nobody_becomes_more_than_they_are(reader: tuple[str, psycopg.Connection], statement: str) -> None:
    assert not allowed(reader[1], statement)
