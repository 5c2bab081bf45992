"""Every table with rows of persons, found in PostgreSQL's own catalogue: no list that somebody forgets to extend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.string import TextLoader

from wellhouse import db, increment
from wellhouse.settings import Settings

_OWNERS = {"vault": "wh_ingest", "landing": "wh_ingest", "quarantine": "wh_ingest", "risk": "wh_model",
           "access": "wh_access"}  # fmt: skip
"""Who may read and delete rows of a schema; dbt's schemas are wh_transform's."""
_FOUND = """
    select n.nspname, c.relname, array_agg(a.attname::text order by a.attnum)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and not a.attisdropped and n.nspname !~ '^(pg_|information_schema$)'
      and a.atttypid = 'bigint'::regtype and a.attname in ('person_key', 'kept_key', 'gone_key')
    group by 1, 2 order by 1, 2
"""


@dataclass(frozen=True)
class Table:
    """``columns``: those that say whom a row is about."""

    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def role(self) -> str:
        return _OWNERS.get(self.schema, "wh_transform")

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def about(self) -> sql.Composed:
        """``from … where …``, with one parameter: the persons' keys."""
        asked = [sql.SQL("{} = any(%(persons)s)").format(sql.Identifier(column)) for column in self.columns]
        return sql.SQL("from {} where {}").format(sql.Identifier(self.schema, self.name), sql.SQL(" or ").join(asked))


class Walk:
    """All of them, each read by the role whose they are; a table that nobody may read is an error, never left out."""

    def __init__(self, of: Settings) -> None:
        self._of, self._open, self._roles = of, ExitStack(), dict[str, psycopg.Connection]()

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def tables(self) -> list[Table]:
        found = self._as("wh_transform").execute(_FOUND).fetchall()
        return [Table(schema, name, tuple(columns)) for schema, name, columns in found]

    def count(self, persons: Sequence[int]) -> dict[str, int]:
        """Rows of these persons a table."""
        counted = {}
        for table in self.tables():
            query = sql.SQL("select count(*) {}").format(table.about())
            row = self._as(table.role).execute(query, {"persons": list(persons)}).fetchone()
            counted[str(table)] = int(row[0]) if row else 0
        return counted

    def rows(self, table: Table, persons: Sequence[int]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """(columns, rows) of these persons."""
        query = sql.SQL("select * {}").format(table.about())
        cursor = self._as(table.role).cursor()
        for kind in ("date", "timestamp", "timestamptz"):  # as PostgreSQL writes them: some are infinity
            cursor.adapters.register_loader(kind, TextLoader)
        cursor.execute(query, {"persons": list(persons)})
        return [column.name for column in cursor.description or ()], iter(cursor)

    def delete(self, persons: Sequence[int]) -> dict[str, int]:
        """Delete their rows everywhere, sources first; what a crash leaves is deleted by the next call."""
        deleted = {}
        for table in sorted(self.tables(), key=lambda t: (t.schema != "landing", t.schema, t.name)):
            query = sql.SQL("delete {}").format(table.about())
            deleted[str(table)] = self._as(table.role).execute(query, {"persons": list(persons)}).rowcount
            self._as(table.role).commit()
        increment.forget(self._of)
        return deleted

    def _as(self, role: str) -> psycopg.Connection:
        if role not in self._roles:
            self._roles[role] = self._open.enter_context(db.connect(role, self._of))
        return self._roles[role]
