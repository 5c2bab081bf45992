"""The gate: Great Expectations over everything that is landed, before anything is built on it.

A load whose rows all held stays as it was checked until a row of it is written anew (a merge, a hand): which ones are
is asked of PostgreSQL's row versions, not of a clock. Another suite, vocabulary or table is checked as a whole. Results
say which expectation on which columns failed and how often, never a value: GX is asked for counts only and only counts
are kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb

from wellhouse import db
from wellhouse.errors import WellhouseError
from wellhouse.gate import suites
from wellhouse.settings import Settings

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.postgres_datasource import PostgresDatasource

ROLE = "wh_transform"
SCHEMA = "landing"
_HASHED = "&options=-c%20enable_nestloop%3Doff"
"""Nobody has counted yet what has just landed: a load taken for one row would be compared with itself row by row."""
COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Check:
    """One expectation: what of, how grave, and in how many of how many rows it failed (None: not counted by row)."""

    type: str
    columns: list[str]
    severity: str
    success: bool
    rows: int | None
    unexpected: int | None
    error: str | None = None

    def __str__(self) -> str:
        found = "could not be checked" if self.error else f"{self.unexpected} of {self.rows} rows"
        return f"{self.severity} {self.type}({', '.join(self.columns)}): {found}"


@dataclass(frozen=True)
class SuiteResult:
    """One landing table."""

    table: str
    checks: list[Check]
    seconds: float
    made_of: str
    """What the rows were checked against: :func:`_unheld`."""
    until: int
    """The transaction before which every row that was written had been read."""

    @property
    def rows(self) -> int:
        """How many were looked at."""
        return max((check.rows or 0 for check in self.checks), default=0)

    @property
    def failures(self) -> list[Check]:
        return [check for check in self.checks if not check.success]

    @property
    def critical(self) -> list[Check]:
        return [check for check in self.failures if check.severity == "critical"]


@dataclass(frozen=True)
class GateRun:
    run_id: str
    suites: list[SuiteResult]

    @property
    def passed(self) -> bool:
        return not any(suite.critical for suite in self.suites)

    def document(self) -> dict[str, Any]:
        """As ``wellhouse gate run --json`` prints it."""
        return {
            "run_id": self.run_id,
            "passed": self.passed,
            "suites": [
                {
                    "table": suite.table,
                    "expectations": len(suite.checks),
                    "failed": len(suite.failures),
                    "critical_failed": len(suite.critical),
                    "rows": suite.rows,
                    "seconds": round(suite.seconds, 3),
                    "failures": [vars(check) for check in suite.failures],
                }
                for suite in self.suites
            ],
        }


def run(settings: Settings, whole: bool = False) -> GateRun:
    """Check every landing table and record the result in ``ops.gate_result``.

    :param whole: also loads that held when they were checked last
    :raises WellhouseError: there are no suites, or PostgreSQL does not answer.
    """
    checked = suites.load(settings.root / "expectations")
    source = _datasource(settings)
    values = suites.parameters(settings)
    outcome = GateRun(str(uuid.uuid4()), [_check(settings, source, suite, values, whole) for suite in checked])
    _record(settings, outcome)
    return outcome


def _datasource(settings: Settings) -> PostgresDatasource:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when GX is imported
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    try:
        return context.data_sources.add_postgres(
            SCHEMA,
            connection_string=db.url(ROLE, settings, scheme="postgresql+psycopg2") + _HASHED,
            create_temp_table=False,
        )
    except Exception as error:  # its text may repeat the address with the password in it
        raise WellhouseError(f"the gate cannot reach PostgreSQL ({type(error).__name__})") from None


def _check(
    settings: Settings, source: PostgresDatasource, suite: suites.Suite, values: dict[str, Any], whole: bool
) -> SuiteResult:
    from great_expectations import ExpectationSuite

    started = time.monotonic()
    used = _used(suite, values)
    query = f"select * from {SCHEMA}.{suite.table}"  # noqa: S608
    try:
        made_of, until, loads = _unheld(settings, suite, used, whole)
        if loads is not None:
            query += f" where load_id = any('{{{','.join(map(str, loads))}}}'::bigint[])"
        asset = source.add_query_asset(suite.name, query=query)
        batch = asset.add_batch_definition_whole_table(suite.name).get_batch()
    except Exception as error:
        raise WellhouseError(f"the gate cannot read {SCHEMA}.{suite.table} ({type(error).__name__})") from None
    expected = ExpectationSuite(name=suite.name, expectations=suite.expectations)
    result = batch.validate(expected, result_format=COUNTS_ONLY, expectation_parameters=used)
    checks = list(map(_check_of, result.results))
    return SuiteResult(suite.table, checks, time.monotonic() - started, made_of, until)


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


def _unheld(
    settings: Settings, suite: suites.Suite, values: dict[str, Any], whole: bool
) -> tuple[str, int, list[int] | None]:
    """What a check goes by now, from which transaction on, and the loads a row of which was written since all held
    (None: whatever is there). A day that passes makes nothing fail: no bound of a suite moves but upwards.
    """
    steady = {name: value for name, value in values.items() if name not in suites.MOVING}
    digest = hashlib.sha256(json.dumps([suite.expectations, steady], sort_keys=True).encode()).hexdigest()
    with db.connect(ROLE, settings, autocommit=True) as connection:
        query = sql.SQL(_HELD).format(digest=digest, table=f"{SCHEMA}.{suite.table}", name=suite.table)
        made_of, until, since = connection.execute(query).fetchone() or ()
        if whole or since is None:
            return made_of, until, None
        query = sql.SQL(_WRITTEN).format(table=sql.Identifier(SCHEMA, suite.table), since=since)
        return made_of, until, [load for (load,) in connection.execute(query)]


def _used(suite: suites.Suite, values: dict[str, Any]) -> dict[str, Any]:
    asked = {
        argument["$PARAMETER"]
        for expectation in suite.expectations
        for argument in expectation["kwargs"].values()
        if isinstance(argument, dict)
    }
    return {name: values[name] for name in asked}


def _check_of(result: Any) -> Check:
    config, found = result.expectation_config, result.result or {}
    raised = _raised(result.exception_info)
    return Check(
        type=config.type,
        columns=[config.kwargs["column"]] if "column" in config.kwargs else list(config.kwargs.get("column_list", [])),
        severity=config.meta["severity"],
        success=bool(result.success),
        rows=found.get("element_count"),
        unexpected=found.get("unexpected_count"),
        error="could not be computed" if raised else None,
    )


def _raised(info: Any) -> bool:
    """GX gives one exception record, or one a metric."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(bool(each.get("raised_exception")) for each in info.values())


def _record(settings: Settings, outcome: GateRun) -> None:
    with db.connect(ROLE, settings) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.gate_result (run_id, table_name, expectations, failed, critical_failed, details, seconds,"
            " made_of, until) values (%s, %s, %s, %s, %s, %s, %s, %s, %s::text::xid8)",
            list(_rows(outcome)),
        )


def _rows(outcome: GateRun) -> Iterable[tuple[Any, ...]]:
    for suite in outcome.suites:
        details = Jsonb([vars(check) for check in suite.failures])
        counts = (len(suite.checks), len(suite.failures), len(suite.critical))
        yield (outcome.run_id, suite.table, *counts, details, suite.seconds, suite.made_of, suite.until)
