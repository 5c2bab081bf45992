"""PostgreSQL filters the rows of every table that readers reach, whatever SQL they send."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from wellhouse import db
from wellhouse.access import readers
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

READERS = ("wh_analyst", "wh_health_manager", "wh_management")
REFERENCE = {"dim_site", "dim_indicator", "dim_question", "fct_risk_calibration"}
"""Tables of marts without a person in them: open to whoever may read marts."""


def tables(of: Settings, *schemas: str) -> list[tuple[str, str]]:
    with administrator(of, of.database) as server:
        found = server.execute(
            "select schemaname, tablename from pg_tables where schemaname = any(%s) order by 1, 2", (list(schemas),)
        )
        return [(schema, table) for schema, table in found]


def sites_seen(connection: psycopg.Connection, table: str) -> dict[str, int]:
    query = sql.SQL("select site, count(*) from marts.{} group by site").format(sql.Identifier(table))
    return {str(site): int(count) for site, count in connection.execute(query)}


@pytest.fixture(scope="module")
def person_tables(built: Settings) -> list[str]:
    return [table for _, table in tables(built, "marts") if table not in REFERENCE]


@pytest.fixture(scope="module")
def analyst(built: Settings) -> Iterator[psycopg.Connection]:
    readers.provision(built, "dbt_analyst_hz", "analyst", ["hz"])
    with db.connect("wh_u_dbt_analyst_hz", built, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def unknown(built: Settings) -> Iterator[psycopg.Connection]:
    """A login role with every reader's grants that ``access`` has never heard of."""
    role = "wh_u_dbt_unknown"
    with administrator(built, built.database) as server:
        server.execute(sql.SQL("create role {} login password {} in role {}").format(
            sql.Identifier(role), sql.Literal(db.password(role, built)), sql.SQL(", ").join(map(sql.Identifier, READERS))  # noqa: E501
        ))  # fmt: skip
        with db.connect(role, built, autocommit=True) as connection:
            yield connection
        server.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_marts_are_there(built: Settings) -> None:
    assert ("marts", "fct_indicator_trend") in tables(built, "marts")
    assert ("population", "rpt_population_trend") in tables(built, "population")


def test_every_table_has_forced_row_security_and_policies(built: Settings) -> None:
    with administrator(built, built.database) as server:
        bare = server.execute("""
            select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('marts', 'population', 'marts_next', 'population_next') and c.relkind in ('r', 'p', 'v', 'm')
              and not (c.relrowsecurity and c.relforcerowsecurity
                       and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'reader'))
        """).fetchall()  # noqa: E501
    assert bare == []


def test_person_tables_are_filtered_by_site(built: Settings, person_tables: list[str]) -> None:
    with administrator(built, built.database) as server:
        rules = dict(server.execute(
            "select tablename, qual from pg_policies where schemaname = 'marts' and policyname = 'reader'"
        ).fetchall())  # fmt: skip
    assert person_tables
    assert all("access.my_sites()" in rules[table] for table in person_tables), rules


def test_an_analyst_sees_one_site_whole_and_no_other(
    built: Settings, analyst: psycopg.Connection, person_tables: list[str]
) -> None:
    with administrator(built, built.database) as server:
        everything = {table: sites_seen(server, table) for table in person_tables}
    assert {"hz", "sh", "cd"} <= set(everything["fct_indicator_trend"])
    for table in person_tables:
        expected = {site: count for site, count in everything[table].items() if site == "hz"}
        assert sites_seen(analyst, table) == expected, table


def test_no_sql_of_an_analyst_reaches_another_site(analyst: psycopg.Connection) -> None:
    for attempt in (
        "set role wh_transform",
        "set session authorization wh_transform",
        "set row_security = off",  # refuses the query instead of filtering it
        "create function pg_temp.peek(text) returns bool language sql cost 0.01 as 'select true'",
        "alter table marts.fct_exam disable row level security",
        "insert into access.site_grant values ('dbt_analyst_hz', 'sh')",
    ):
        try:
            analyst.execute(attempt)  # type: ignore[call-overload]
            found = analyst.execute("select count(*) from marts.fct_exam where site <> 'hz'").fetchone()
            assert found == (0,), attempt
        except psycopg.Error:
            pass
        analyst.execute("reset all")
    assert set(sites_seen(analyst, "fct_exam")) == {"hz"}


def test_an_unknown_role_sees_no_person(unknown: psycopg.Connection, person_tables: list[str]) -> None:
    for table in person_tables:
        assert sites_seen(unknown, table) == {}, table


def test_management_reads_aggregates_and_no_person(built: Settings) -> None:
    readers.provision(built, "dbt_management", "management")
    with db.connect("wh_u_dbt_management", built, autocommit=True) as connection:
        row = connection.execute(
            "select count(distinct site), min(person_count) from population.rpt_population_coverage"
        )
        sites, smallest = row.fetchone() or (0, 0)
        assert sites >= 3
        assert smallest >= 11
        connection.execute("select * from population.rpt_population_trend limit 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select 1 from marts.fct_exam")


@pytest.mark.parametrize("schema", ["marts_next", "population_next", "staging", "intermediate", "landing", "vault"])
def test_readers_reach_marts_only(analyst: psycopg.Connection, schema: str) -> None:
    allowed = analyst.execute("select has_schema_privilege(current_user, %s, 'usage')", (schema,)).fetchone()
    assert allowed == (False,)


def test_the_word_that_policies_compare_with_is_no_site(built: Settings) -> None:
    """Else its rows would be everybody's."""
    with administrator(built, built.database) as server:
        unchecked = server.execute(
            """select table_name from information_schema.columns
               where (table_schema, column_name) = ('landing', 'site') and not exists (
                   select from pg_constraint
                   where conname = 'site_is_short' and convalidated
                       and conrelid = format('landing.%I', table_name)::regclass)"""
        ).fetchall()
        assert unchecked == []
        with pytest.raises(psycopg.errors.CheckViolation, match="site_is_short"):
            server.execute("update landing.exam set site = repeat(' ', 128)")
