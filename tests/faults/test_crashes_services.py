"""Superset's workers, Airflow's scheduler and its tasks killed outright while people read and DAGs run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.dags.conftest import airflow
from tests.faults.test_crashes_marts import shown
from tests.second_factor import code
from wellhouse.access import readers
from wellhouse.ops import health, services, supervisor
from wellhouse.settings import Settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

__all__ = ["airflow"]
READER = "killed_test"
BACK_WITHIN_S = 60


def children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def pid_of(of: Settings, name: str) -> int:
    (found,) = [p["pid"] for p in supervisor._call(of, "getAllProcessInfo") if p["name"] == name]
    return int(found)


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def well(of: Settings, *names: str) -> bool:
    return all(s.healthy for s in health.check(of, names))


@pytest.mark.usefixtures("superset_url")
def test_killed_workers_end_no_session_and_show_nobody_elses_rows(
    built: Settings, kills: int, chance: random.Random
) -> None:
    readers.provision(built, READER, "analyst", ["hz"])
    with Superset(built) as ours:
        users.ensure(ours, READER, "analyst", built.secret(f"password_{READER}"))
        datasets = {d["table_name"]: d["id"] for d in ours.every("/api/v1/dataset/", "table_name")}
    query = {"columns": ["site"], "metrics": [], "row_limit": 1000, "filters": [], "orderby": []}
    document = {"datasource": {"id": datasets["fct_exam"], "type": "table"}, "queries": [query], "force": True}
    answered = failed = 0
    longest = 0.0
    with Superset(built, READER, built.secret(f"password_{READER}"), code(READER)) as reader:
        for number in range(kills):
            master = pid_of(built, services.SUPERSET)
            below = [p for p in children(master) if p != master]
            kill(master if number % 4 == 3 else chance.choice(below))
            began = time.monotonic()
            while True:
                try:
                    answer = reader.request("POST", "/api/v1/chart/data", json=document)
                    if answer.status_code == 200:
                        break
                    failed += 1
                    assert "Traceback" not in answer.text
                except httpx.TransportError:
                    failed += 1
                assert time.monotonic() - began < BACK_WITHIN_S
                time.sleep(0.2)
            longest = max(longest, time.monotonic() - began)
            assert {row["site"] for row in answer.json()["result"][0]["data"]} == {"hz"}
            answered += 1
            time.sleep(chance.uniform(0, 1))
    readers.revoke(built, READER)
    print(f"{kills} of Superset's processes killed (every fourth the first one): {failed} requests failed, each time "
          f"answered again, after {longest:.1f} s at most, by the same session with its own rows only")  # fmt: skip


def run_dags() -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["wellhouse", "pipeline", "run", "--dag", "ingest_cards", "--dag", "build_marts"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_a_killed_scheduler_or_task_leaves_yesterdays_marts_and_the_next_run_is_whole(
    airflow: Settings, kills: int, chance: random.Random
) -> None:
    before = shown(airflow)
    outcomes: dict[str, int] = {}
    for number in range(max(2, kills // 5)):
        what = ("task", "scheduler")[number % 2]
        process = run_dags()
        time.sleep(chance.uniform(8, 40))
        scheduler = pid_of(airflow, "airflow-scheduler")
        below = [p for p in children(scheduler) if p != scheduler]
        working = [p for p in below if _is_command(p)]
        kill(scheduler if what == "scheduler" else chance.choice(working or below))
        said, _ = process.communicate(timeout=900)
        named = f"{what}, the run {'succeeded' if process.returncode == 0 else 'failed and said so'}"
        outcomes[named] = outcomes.get(named, 0) + 1
        assert "Traceback" not in said
        assert shown(airflow) == before
        supervisor.wait_until(lambda: well(airflow, *services.AIRFLOW), 300, "Airflow does not come back")
    last = run_dags()
    said, _ = last.communicate(timeout=900)
    assert last.returncode == 0, said
    assert shown(airflow) == before
    told = "; ".join(f"{count} × {name}" for name, count in sorted(outcomes.items()))
    print(f"{told}; the marts the same after each, and the run after it whole")


def _is_command(pid: int) -> bool:
    """A task's own command, below Airflow's processes."""
    with suppress(OSError):
        return b"wellhouse\0" in (said := Path(f"/proc/{pid}/cmdline").read_bytes()) or b"models." in said
    return False
