# ruff: noqa: S608 (the names of tables come from this file and from the catalogue)
"""Row policies in PostgreSQL itself, asked by the readers' own roles without Superset in between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import psycopg
import pytest

from wellhouse import db
from wellhouse.access import readers
from wellhouse.ops import bootstrap
from wellhouse.settings import Settings

Ask = Callable[[str, str], list[tuple[object, ...]]]
READERS = ("analyst_hz", "analyst_sh", "manager_hz", "management", "administrator", "auditor")
CLEARED = {"analyst_hz": {"hz"}, "analyst_sh": {"sh"}, "manager_hz": {"hz"}}


@pytest.fixture(scope="module")
def ask(built: Settings) -> Iterator[Ask]:
    """``ask(username, sql)`` on a connection of that reader's own role."""
    readers.ensure_defaults(built)
    open_: dict[str, psycopg.Connection] = {}

    def rows(username: str, query: str) -> list[tuple[object, ...]]:
        if username not in open_ or open_[username].closed:
            open_[username] = db.connect(db.reader_role(username), built, autocommit=True)
        cursor = open_[username].execute(query.encode())
        return cursor.fetchall() if cursor.description else []

    yield rows
    for connection in open_.values():
        connection.close()


@pytest.fixture(scope="module")
def person_tables(built: Settings) -> list[str]:
    """Every table or view of marts with a site and a person in it, found, not listed: a new one is tested too."""
    with bootstrap.administrator(built, built.database) as server:
        found = server.execute(
            "select 'marts.' || quote_ident(c.relname) from pg_class c where c.relnamespace = 'marts'::regnamespace"
            " and c.relkind in ('r', 'p', 'v', 'm', 'f') and exists (select from pg_attribute a"
            "   where a.attrelid = c.oid and a.attname = 'person_key') order by 1"
        ).fetchall()
    assert len(found) >= 5
    return [name for (name,) in found]


def test_every_table_of_persons_is_fenced_for_its_owner_too(built: Settings, person_tables: list[str]) -> None:
    with bootstrap.administrator(built, built.database) as server:
        for table in person_tables:
            fenced = server.execute(
                "select relrowsecurity and relforcerowsecurity and relkind = 'r' from pg_class"
                " where oid = %s::regclass",
                (table,),
            ).fetchone()
            assert fenced == (True,), table


@pytest.mark.parametrize("username", CLEARED)
def test_readers_see_their_own_sites(ask: Ask, person_tables: list[str], username: str) -> None:
    for table in person_tables:
        sites = {site for (site,) in ask(username, f"select distinct site from {table}")}
        assert sites <= CLEARED[username], table
    assert ask(username, "select count(*) > 0 from marts.fct_indicator_trend") == [(True,)]


@pytest.mark.parametrize("username", ["management", "administrator", "auditor"])
def test_others_see_no_person(ask: Ask, person_tables: list[str], username: str) -> None:
    for table in person_tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(username, f"select * from {table} limit 1")


@pytest.mark.parametrize("username", READERS)
@pytest.mark.parametrize("schema", ["vault", "landing", "quarantine", "staging", "intermediate", "risk"])
def test_nobody_who_reads_gets_behind_the_marts(built: Settings, ask: Ask, username: str, schema: str) -> None:
    with bootstrap.administrator(built, built.database) as server:
        tables = server.execute(
            "select schemaname || '.' || quote_ident(tablename) from pg_tables where schemaname = %s", (schema,)
        ).fetchall()
    for (table,) in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(username, f"select * from {table} limit 1")


@pytest.mark.parametrize(
    "attempt",
    [
        "set role wh_transform", "set role wh_u_analyst_sh", "set role wh_owner", "set session authorization postgres",
        "select set_config('role', 'wh_transform', false)",
        "select set_config('session_authorization', 'postgres', false)",
        "alter role wh_u_analyst_hz bypassrls", "alter table marts.dim_person disable row level security",
        "select access.provision('analyst_hz', 'analyst', 'x', '{sh}', null)",
        "select access.grant_site('analyst_hz', 'sh', null)",
        "insert into access.site_grant values ('analyst_hz', 'sh')",
        "update marts.dim_person set site = 'hz'", "create table marts.mine as select 1", "create temp table t (a int)",
        "create schema mine", "copy marts.dim_person to program 'cat'", "select pg_read_file('/etc/passwd')",
        "select * from pg_authid", "select * from audit.event", "select audit.first_break()",
        "select pg_advisory_lock(1)", "select pg_try_advisory_xact_lock_shared(1, 2)",
        "select access.sight('analyst_sh')", "select access.sites_of('wh_u_analyst_sh')",
    ],
)  # fmt: skip
def test_becoming_somebody_else_is_refused(ask: Ask, attempt: str) -> None:
    ask("analyst_hz", "set default_transaction_read_only = off")  # allowed, and of no use
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
        ask("analyst_hz", attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        "set row_security = off", "set search_path = pg_temp, marts", "set wellhouse.site = 'sh'",
        "select set_config('request.jwt.claims', '{\"site\": \"sh\"}', false)",
    ],
)  # fmt: skip
def test_settings_of_ones_own_open_no_row(ask: Ask, attempt: str) -> None:
    ask("analyst_hz", attempt)
    try:
        assert {s for (s,) in ask("analyst_hz", "select distinct site from marts.dim_person")} <= {"hz"}
    except psycopg.errors.InsufficientPrivilege:
        assert "row_security" in attempt  # off means: fail rather than filter
    finally:
        ask("analyst_hz", "reset all")


def test_a_leaky_condition_sees_no_foreign_row(ask: Ask) -> None:
    """A condition that fails on a foreign row must never be run on one."""
    query = "select count(*) from marts.dim_person where 1 / (case when site = 'hz' then 1 else 0 end) = 1"
    assert ask("analyst_hz", query) == ask("analyst_hz", "select count(*) from marts.dim_person")


def test_small_groups_are_absent_from_what_management_reads(ask: Ask) -> None:
    for table in ("rpt_population_trend", "rpt_population_coverage"):
        assert ask("management", f"select min(person_count) >= 11 from population.{table}") == [(True,)]


def test_an_expired_grant_and_a_revoked_reader_see_nothing(built: Settings, ask: Ask) -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    readers.provision(built, "visitor", "analyst", ["hz"])
    count = "select count(*) from marts.dim_person"
    assert ask("visitor", count) != [(0,)]
    readers.grant(built, "visitor", ["hz"], past)
    assert ask("visitor", count) == [(0,)]
    readers.grant(built, "visitor", ["hz"])
    readers.revoke(built, "visitor")
    with pytest.raises(psycopg.OperationalError):  # the open session was ended
        ask("visitor", count)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        db.connect(db.reader_role("visitor"), built)
