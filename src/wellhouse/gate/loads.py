"""Which loads a suite has to look at: those a row of which was written since every row of them held."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from wellhouse.gate import suites

# Who began before this may still be writing: only what was written before all of these began has been seen. Numbers of
# transactions wrap: of those too far back nobody can tell which came first.
_HELD = """
    select made_of, now, until::text::bigint % 4294967296
    from (
        select
            concat({digest}, {table}::regclass::oid, (select system_identifier from pg_control_system())) as made_of,
            pg_snapshot_xmin(pg_current_snapshot())::text::bigint as now
    ) as current
    left join lateral (
        select until from ops.gate_result
        where
            table_name = {name} and failed = 0 and gate_result.made_of = current.made_of and at <= clock_timestamp()
            and until::text::bigint between now - 2000000000 and now
        order by gate_id desc limit 1
    ) as held on true
"""
_WRITTEN = "select distinct load_id from {table} where age(xmin) <= age({since}::text::xid) order by 1"


@dataclass(frozen=True)
class Reading:
    """What a check reads, what it goes by, and the transaction before which every row that was written is read."""

    query: str
    made_of: str
    until: int


def unheld(
    connection: psycopg.Connection, table: str, suite: suites.Suite, values: dict[str, Any], whole: bool
) -> Reading:
    """A day that passes makes nothing fail: no bound of a suite moves but upwards.

    :param connection: one that commits each statement, so that each sees what is there then
    :param table: the suite's, with its schema
    :param values: those of the parameters that the suite asks for
    :param whole: whatever held
    """
    steady = {name: value for name, value in values.items() if name not in suites.MOVING}
    digest = hashlib.sha256(json.dumps([suite.expectations, steady], sort_keys=True).encode()).hexdigest()
    query = f"select * from {table}"  # noqa: S608
    held = sql.SQL(_HELD).format(digest=digest, table=table, name=suite.table)
    made_of, until, since = connection.execute(held).fetchone() or ()
    if whole or since is None:
        return Reading(query, made_of, until)
    written = sql.SQL(_WRITTEN).format(table=sql.Identifier(*table.split(".")), since=since)
    loads = ",".join(str(load) for (load,) in connection.execute(written))
    return Reading(f"{query} where load_id = any('{{{loads}}}'::bigint[])", made_of, until)
