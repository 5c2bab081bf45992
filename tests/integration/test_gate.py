"""The gate stops what must not be built on, says why, and never shows a value."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from wellhouse.gate import run as gate
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings

LOAD = 2**40  # no load has this number: what a test lands is found again and removed
PERSON = 987654321012345
EXAM = f"insert into landing.exam values ({LOAD}, 1, 42, {PERSON}, 'hz', '2024-01-01', 40, null, null)"  # noqa: S608
OBSERVATION = (
    f"insert into landing.observation values ({LOAD}, 1, 42, {PERSON}, 'SBP', '5432.1', 'x', null, {{}}, null, '{{}}')"  # noqa: S608
)


@pytest.fixture
def server(built: Settings) -> Iterator[psycopg.Connection]:
    with administrator(built, built.database) as connection:
        yield connection
        for table in ("exam", "observation"):
            connection.execute(f"delete from landing.{table} where load_id = {LOAD}")  # noqa: S608


def command() -> tuple[int, dict[str, Any], str]:
    """``wellhouse gate run`` as the DAG calls it."""
    done = subprocess.run(["wellhouse", "gate", "run", "--json"], text=True, capture_output=True)
    return done.returncode, json.loads(done.stdout), done.stderr


def failures(of: Settings) -> tuple[gate.GateRun, list[str]]:
    outcome = gate.run(of)
    return outcome, [str(failure) for suite in outcome.suites for failure in suite.failures]


def test_the_sample_passes(built: Settings) -> None:
    code, document, said = command()
    assert code == 0, said
    assert document["passed"] is True
    assert len(document["suites"]) == len(list((PROJECT_ROOT / "expectations").glob("landing__*.json"))) > 10
    assert {"table", "expectations", "failed", "seconds"} <= set(document["suites"][0])


@pytest.mark.parametrize(
    ("bad", "expectation"),
    [
        (EXAM.replace("2024-01-01", "1949-12-31"), "expect_column_values_to_be_between(exam_date)"),
        (EXAM.replace("2024-01-01", "2999-01-01"), "expect_column_values_to_be_between(exam_date)"),
        (EXAM.replace(" 40,", " 121,"), "expect_column_values_to_be_between(age_years)"),
        (f"{EXAM}; {EXAM}", "expect_compound_columns_to_be_unique(load_id, exam_key)"),
        (OBSERVATION.format("120", "furlong"), "expect_column_values_to_be_in_set(unit)"),
        (OBSERVATION.format("'NaN'", "mm[Hg]"), "expect_column_values_to_be_between(value)"),
        (
            OBSERVATION.format("120", "mm[Hg]").replace("SBP", "XYZ"),
            "expect_column_values_to_be_in_set(indicator_code)",
        ),
    ],
    ids=["too_old", "future", "age", "twice", "unit", "nan", "indicator"],
)
def test_a_bad_row_fails_critically(built: Settings, server: psycopg.Connection, bad: str, expectation: str) -> None:
    server.execute(bad)  # type: ignore[call-overload]
    outcome, told = failures(built)
    assert not outcome.passed
    assert [line for line in told if line.startswith(f"critical {expectation}: ")], told


def test_a_closed_gate_stops_the_pipeline_and_shows_no_value(built: Settings, server: psycopg.Connection) -> None:
    seen = "select pg_relation_filenode('marts.fct_exam'), count(*) from marts.fct_exam"
    before = server.execute(seen).fetchone()
    server.execute(OBSERVATION.format("'NaN'", "furlong"))  # type: ignore[call-overload]
    code, document, said = command()
    assert code == 1
    assert document["passed"] is False
    assert "the gate is closed" in said
    assert server.execute(seen).fetchone() == before
    recorded = server.execute(
        "select string_agg(details::text, '') from ops.gate_result where run_id = %s", (document["run_id"],)
    ).fetchone()
    assert "expect_column_values_to_be_in_set" in str(recorded)
    for text in (said, json.dumps(document), str(recorded)):
        assert not any(value in text for value in (str(PERSON), "5432.1", "furlong"))


def test_a_warning_is_told_and_lets_pass(built: Settings, server: psycopg.Connection) -> None:
    server.execute(EXAM.replace("'hz'", "'xa'"))  # type: ignore[call-overload]
    outcome, told = failures(built)
    assert outcome.passed
    assert any(line.startswith("warning expect_column_values_to_be_in_set(site): 1 of") for line in told)


def looked_at(of: Settings, whole: bool = False) -> int:
    """How many rows of ``landing.exam`` a run of the gate reads."""
    (suite,) = [suite for suite in gate.run(of, whole).suites if suite.table == "exam"]
    return suite.rows


def test_what_held_is_not_read_again_until_a_row_of_its_load_is_written(
    built: Settings, server: psycopg.Connection
) -> None:
    gate.run(built)
    assert looked_at(built) == 0
    load, rows, everything = server.execute(
        """select load_id, count(*), (select count(*) from landing.exam)::int from landing.exam
           group by load_id order by load_id limit 1"""
    ).fetchone() or (0, 0, 0)
    assert looked_at(built, whole=True) == everything > rows > 0
    server.execute(
        """update landing.exam set age_years = age_years
           where (load_id, row_number) = (select load_id, row_number from landing.exam where load_id = %s limit 1)""",
        (load,),
    )
    assert looked_at(built) == rows
    assert looked_at(built) == 0


def test_what_was_being_written_when_others_held_is_read(built: Settings, server: psycopg.Connection) -> None:
    gate.run(built)
    with administrator(built, built.database) as slow, slow.transaction():
        slow.execute(EXAM)
        gate.run(built)
    assert looked_at(built) == 1


@pytest.mark.parametrize(
    "bad", [EXAM.replace(" 40,", " 121,"), EXAM.replace("'hz'", "'xa'")], ids=["critical", "warning"]
)
def test_what_failed_is_read_until_it_holds(built: Settings, server: psycopg.Connection, bad: str) -> None:
    gate.run(built)
    server.execute(bad)  # type: ignore[call-overload]
    assert [looked_at(built) for _ in range(2)] == [1, 1]
    server.execute(f"update landing.exam set age_years = 40, site = 'hz' where load_id = {LOAD}")  # noqa: S608
    assert [looked_at(built) for _ in range(2)] == [1, 0]


def test_another_vocabulary_is_asked_of_everything(
    built: Settings, server: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.run(built)
    known = gate.suites.parameters(built)
    monkeypatch.setattr(gate.suites, "parameters", lambda _: known | {"sites": [*known["sites"], "xa"]})
    assert looked_at(built) == server.execute("select count(*) from landing.exam").fetchone()[0] > 0  # type: ignore[index]
    monkeypatch.setattr(gate.suites, "parameters", lambda _: known | {"today": "2999-01-01"})
    assert looked_at(built) == 0
