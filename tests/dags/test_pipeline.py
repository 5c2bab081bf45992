"""The DAGs run by a real Airflow: one build after a landing, and yesterday's marts after a closed gate."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg

from wellhouse import db
from wellhouse.monitor import measures
from wellhouse.ops import supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.ops.pipeline import Airflow
from wellhouse.settings import Settings

LOAD = 2**41  # no load has this number
IN_THE_FUTURE = f"insert into landing.exam values ({LOAD}, 1, 42, 987654321012345, 'hz', '2999-01-01', 40, null, null)"  # noqa: S608


def pipeline(*dags: str) -> subprocess.CompletedProcess[str]:
    arguments = [argument for dag in dags for argument in ("--dag", dag)]
    return subprocess.run(["wellhouse", "pipeline", "run", *arguments], capture_output=True, text=True)


def builds(of: Settings) -> list[dict[str, Any]]:
    with Airflow(of) as api:
        return list(
            api._request("GET", "/api/v2/dags/build_marts/dagRuns", params={"order_by": "run_after"})["dag_runs"]
        )


def marts(of: Settings) -> list[Any]:
    """What a table is (its oid changes with every build) and how much is in it."""
    with administrator(of, of.database) as connection:
        return connection.execute(
            "select 'marts.fct_exam'::regclass::oid, 'marts.dim_person'::regclass::oid, count(*) from marts.fct_exam"
        ).fetchall()


def test_a_first_landing_is_followed_by_one_build(airflow: Settings) -> None:
    before = marts(airflow)
    done = pipeline("ingest_cards", "build_marts")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ingest_cards: ")
    assert lines[-1].startswith("build_marts: success after")
    assert len(builds(airflow)) == 1
    well = {s.labels["dag"]: s.value for s in measures.dags(airflow)}
    assert (well["ingest_cards"], well["build_marts"]) == (1, 1)
    assert [row[:2] for row in marts(airflow)] != [row[:2] for row in before]
    assert [row[2] for row in marts(airflow)] == [row[2] for row in before]
    with psycopg.connect(**db.parameters("airflow", airflow, "airflow")) as metadata:
        assert metadata.execute("select count(*) from xcom").fetchone() == (0,)


def test_a_closed_gate_leaves_the_marts_and_raises_an_alert(airflow: Settings) -> None:
    """The build that is switched on by now is started by the landing itself; there is no second one."""
    known, before = len(builds(airflow)), marts(airflow)
    with administrator(airflow, airflow.database) as connection:
        connection.execute(IN_THE_FUTURE)
        try:
            done = pipeline("ingest_cards", "build_marts")
        finally:
            connection.execute(f"delete from landing.exam where load_id = {LOAD}")  # noqa: S608
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("wellhouse: task gate of build_marts failed: see https://localhost:")
    (run,) = builds(airflow)[known:]
    assert run["run_type"] == "asset_triggered"
    assert marts(airflow) == before
    alert = (airflow.logs / "alerts.log").read_text().splitlines()[-1]
    assert f"ALERT build_marts.gate failed in run {run['dag_run_id']} (owner data-engineering)" in alert


def test_an_unknown_dag_is_one_line(airflow: Settings) -> None:
    done = pipeline("ingest_horoscopes")
    assert done.returncode == 1
    assert done.stderr.startswith("wellhouse: there is no DAG ingest_horoscopes: there are apply_retention, ")


def test_an_api_server_that_is_killed_is_asked_again(airflow: Settings) -> None:
    with subprocess.Popen(
        ["wellhouse", "pipeline", "run", "--dag", "ingest_cards"], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ingest_cards: ")  # the run was ordered
        supervisor._call(airflow, "signalProcess", "airflow-api-server", "KILL")
        said, complained = process.communicate(timeout=300)
    assert process.returncode == 0, complained
    assert said.splitlines()[-1].startswith("ingest_cards: success after")
