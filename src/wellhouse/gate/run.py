"""The gate: Great Expectations over everything that is landed, before anything is built on it.

A load whose rows all held stays as it was checked until a row of it is written anew (a merge, a hand): which ones are
is asked of PostgreSQL's row versions, not of a clock. Another suite, vocabulary or table is checked as a whole. Results
say which expectation on which columns failed and how often, never a value: GX is asked for counts only and only counts
are kept.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from wellhouse import db
from wellhouse.errors import WellhouseError
from wellhouse.gate import loads, suites
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
    reading: loads.Reading

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
    with db.connect(ROLE, settings, autocommit=True) as connection:
        results = [_check(connection, source, suite, values, whole) for suite in checked]
    outcome = GateRun(str(uuid.uuid4()), results)
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
    connection: psycopg.Connection, source: PostgresDatasource, suite: suites.Suite, values: dict[str, Any], whole: bool
) -> SuiteResult:
    from great_expectations import ExpectationSuite

    started = time.monotonic()
    used = _used(suite, values)
    try:
        reading = loads.unheld(connection, f"{SCHEMA}.{suite.table}", suite, used, whole)
        asset = source.add_query_asset(suite.name, query=reading.query)
        batch = asset.add_batch_definition_whole_table(suite.name).get_batch()
    except Exception as error:
        raise WellhouseError(f"the gate cannot read {SCHEMA}.{suite.table} ({type(error).__name__})") from None
    expected = ExpectationSuite(name=suite.name, expectations=suite.expectations)
    result = batch.validate(expected, result_format=COUNTS_ONLY, expectation_parameters=used)
    return SuiteResult(suite.table, list(map(_check_of, result.results)), time.monotonic() - started, reading)


def _used(suite: suites.Suite, values: dict[str, Any]) -> dict[str, Any]:
    asked = {name for expectation in suite.expectations for name in suites.asked(expectation).values()}
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
        yield (outcome.run_id, suite.table, *counts, details, suite.seconds, suite.reading.made_of, suite.reading.until)
