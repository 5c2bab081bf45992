"""The matrix of database privileges: role x object x verb as infra/postgres/grants.csv declares it, each one tried.

What is declared is allowed, everything else is refused: by the catalogue for every role and object, and by trying every
verb on every table as every role that can log in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from wellhouse import db
from wellhouse.access import grants, readers
from wellhouse.access.grants import BUILT_BY_DBT, Grant
from wellhouse.ops.bootstrap import LOGINS, administrator
from wellhouse.settings import Settings

VERBS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
TRIED = {
    "select": "select * from {} limit 0",
    "insert": "insert into {} default values",
    "update": "update {} set {} = {} where false",
    "delete": "delete from {} where false",
    "truncate": "truncate {}",
}
PEOPLE = {"analyst_hz": "analyst", "manager_hz": "health_manager", "management": "management",
          "administrator": "administrator", "auditor": "auditor"}  # fmt: skip


@pytest.fixture(scope="module")
def server(built: Settings) -> Iterator[psycopg.Connection]:
    readers.ensure_defaults(built)
    with administrator(built, built.database) as server:
        yield server


@pytest.fixture(scope="module")
def declared(project_root: Path) -> set[Grant]:
    return grants.read(project_root / "infra" / "postgres" / "grants.csv")


@pytest.fixture(scope="module")
def tables(server: psycopg.Connection) -> list[tuple[str, str, str, str | None]]:
    """(schema, name, owner, a column) of every table of ours; of a view, which can only be read, no column."""
    return server.execute(
        """select n.nspname, c.relname, r.rolname,
                  case when relkind in ('r', 'p') then
                      (select attname::text from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
                       and attidentity = '' and attgenerated = '' limit 1) end
           from pg_class c join pg_namespace n on n.oid = relnamespace join pg_roles r on r.oid = relowner
           where nspname !~ '^(pg_|information_schema$)' and relkind in ('r', 'p', 'v', 'm') order by 1, 2"""
    ).fetchall()


def verbs(declared: set[Grant], role: str, schema: str, table: str) -> set[str]:
    name = "*" if schema in BUILT_BY_DBT else table
    return {
        verb for g in declared if (g.principal, g.kind, g.object) == (role, "table", f"{schema}.{name}")
        for verb in g.verbs.split()
    }  # fmt: skip


def test_what_is_granted_is_what_is_declared(built: Settings, declared: set[Grant]) -> None:
    found = {g for g in grants.postgres(built) if not g.principal.startswith(db.READER_PREFIX)}
    assert found == declared, "look at the difference, then `wellhouse access declare` on a built installation"


def test_nobody_is_superuser_or_past_row_security_and_the_public_has_nothing(declared: set[Grant]) -> None:
    attributes = {g.principal: set(g.verbs.split()) for g in declared if g.kind == "role"}
    assert len(attributes) > 12
    for role, has in attributes.items():
        assert "superuser" not in has, role
        assert not has & {"bypassrls", "replication", "createdb"} or "login" not in has, role
    assert {g.object for g in declared if g.principal == "public" and g.kind != "schema"} == set()
    groups = {"wh_analyst", "wh_health_manager", "wh_management", "wh_administrator", "wh_auditor"}
    assert all("login" not in attributes[group] for group in groups)
    writes = {g for g in declared if g.principal in groups and g.kind == "table" and g.verbs != "select"}
    assert writes == set(), "readers read"


def test_every_role_on_every_object_with_every_verb(
    server: psycopg.Connection, declared: set[Grant], tables: list[tuple[str, str, str, str | None]]
) -> None:
    wrong, asked = [], 0
    services = [role for role in LOGINS if any(g.principal == role for g in declared)]
    people = [f"wh_u_{name}" for name in PEOPLE]
    for role, (schema, table, owner, _) in itertools.product([*services, *people], tables):
        if role == owner:
            continue
        group = f"wh_{PEOPLE[role.removeprefix('wh_u_')]}" if role in people else role
        may = verbs(declared, group, schema, table)
        query = "select " + ", ".join(f"has_table_privilege(%(r)s, %(t)s, '{verb}')" for verb in VERBS)
        row = server.execute(query.encode(), {"r": role, "t": f'"{schema}"."{table}"'}).fetchone()
        assert row is not None
        asked += len(VERBS)
        has = {verb for verb, there in zip(VERBS, row, strict=True) if there}
        # a table that dbt builds has at most what its schema declares: marts of reference rows, of aggregates …
        if has - may or (schema not in BUILT_BY_DBT and may - has):
            wrong.append((role, f"{schema}.{table}", sorted(has), sorted(may)))
    assert wrong == []
    assert asked > 5000


def test_every_verb_is_tried_by_everybody_who_can_log_in(
    built: Settings, declared: set[Grant], tables: list[tuple[str, str, str, str | None]]
) -> None:
    """What the catalogue promises is what happens, schemas and all."""
    wrong, refused = [], 0
    for role in (*LOGINS, *(f"wh_u_{name}" for name in PEOPLE)):
        group = f"wh_{PEOPLE[role.removeprefix('wh_u_')]}" if role.startswith("wh_u_") else role
        schemas = {g.object for g in declared if (g.principal, g.kind) == (group, "schema") and "usage" in g.verbs}
        with db.connect(role, built) as connection:
            for schema, table, owner, column in tables:
                if owner == role:
                    continue
                may = verbs(declared, group, schema, table) if schema in schemas else set()
                for verb, statement in TRIED.items() if column else [("select", TRIED["select"])]:
                    name = f'"{schema}"."{table}"'
                    words = (name, f'"{column}"', f'"{column}"') if verb == "update" else (name, name)
                    with connection.transaction(force_rollback=True):
                        connection.execute("set transaction read write")
                        try:
                            connection.execute("savepoint here")
                            connection.execute(statement.format(*words).encode())
                            if verb not in may:
                                wrong.append((role, verb, name, "allowed"))
                        except psycopg.errors.InsufficientPrivilege:
                            refused += 1
                            if verb in may and schema not in BUILT_BY_DBT and verb == "delete":
                                wrong.append((role, verb, name, "refused"))
                        except psycopg.errors.Error:
                            if verb not in may:
                                wrong.append((role, verb, name, "got past the privileges"))
                        connection.execute("rollback to savepoint here")
    assert wrong == []
    assert refused > 3000
