"""Superset's and Airflow's processes killed outright, one after the other, while people read and DAGs run.

One installation for all the kills of a test: ``KILLS=100`` costs a few seconds a kill.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.dags.conftest import airflow
from tests.faults import processes
from tests.faults.test_crashes_marts import shown
from tests.second_factor import code
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.ops import health, services, supervisor
from wellhouse.settings import Settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

__all__ = ["airflow"]
READER = "killed_test"
TASK = "task"
BACK_WITHIN_S = 60
TASK_WITHIN_S = 30
MASTER_EVERY = 10
"""Of so many of Superset's processes one is the first one, without which there is no other."""


def children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def line_of(pid: int) -> list[int]:
    """A process and those above it, up to the first of all."""
    found = [pid]
    with suppress(OSError):  # it has ended
        while found[-1] > 1:
            found.append(processes.stat(found[-1])[1])
    return found


def orphans(of: Settings) -> list[str]:
    """Commands of ours that run for this installation though whoever started them is gone."""
    roots = {int((of.var / "run" / "supervisord.pid").read_text()), os.getpid()}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            ours = f"WELLHOUSE_VAR={of.var}\0".encode() in (folder / "environ").read_bytes()
            if ours and folder.stat().st_uid == os.getuid() and not roots & {*line_of(int(folder.name))}:
                found.append(processes.command_of(int(folder.name)))
    return found


def pid_of(of: Settings, name: str) -> int:
    """0: it is not there at the moment."""
    (found,) = [p["pid"] for p in supervisor._call(of, "getAllProcessInfo") if p["name"] == name]
    return int(found)


def kill(pid: int) -> bool:
    """False: there was nobody any more."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def well(of: Settings, *names: str) -> bool:
    return all(s.healthy for s in health.check(of, names))


def superset_processes(of: Settings) -> tuple[int, list[int]]:
    """The first one and those below it; workers of one that was killed answer a while longer than it has a heir."""
    deadline = time.monotonic() + BACK_WITHIN_S
    while time.monotonic() < deadline:
        master = pid_of(of, services.SUPERSET)
        below = [pid for pid in children(master) if pid != master]
        if below:
            return master, below
        time.sleep(0.2)
    raise AssertionError("Superset does not come back")


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
    failed = 0
    longest = 0.0
    with Superset(built, READER, built.secret(f"password_{READER}"), code(READER)) as reader:
        for number in range(kills):
            master, below = superset_processes(built)
            kill(master if number % MASTER_EVERY == MASTER_EVERY - 1 else chance.choice(below))
            began = time.monotonic()
            while True:
                try:
                    answer = reader.request("POST", "/api/v1/chart/data", json=document)
                    if answer.status_code == 200:
                        break
                    failed += 1
                    assert "Traceback" not in answer.text
                except WellhouseError:
                    failed += 1
                assert time.monotonic() - began < BACK_WITHIN_S
                time.sleep(0.2)
            longest = max(longest, time.monotonic() - began)
            assert {row["site"] for row in answer.json()["result"][0]["data"]} == {"hz"}
            time.sleep(chance.uniform(0, 1))
    readers.revoke(built, READER)
    print(f"{kills} of Superset's processes killed (every {MASTER_EVERY}th the first): {failed} requests failed, "
          f"answered again after {longest:.1f} s at most, by the same session with its own rows only")  # fmt: skip


def run_dags() -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["wellhouse", "pipeline", "run", "--dag", "ingest_cards", "--dag", "build_marts"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def kill_one(of: Settings, what: str, chance: random.Random) -> bool:
    """One of Airflow's services, or the command of a task that runs; False: there is none now."""
    if what != TASK:
        pid = pid_of(of, what)
        return bool(pid) and kill(pid)
    deadline = time.monotonic() + TASK_WITHIN_S  # most of a run goes by between its tasks
    while time.monotonic() < deadline:
        if working := [pid for pid in children(pid_of(of, "airflow-scheduler")) if _is_command(pid)]:
            time.sleep(chance.uniform(0, 3))  # anywhere in its work
            return kill(chance.choice(working))
        time.sleep(0.2)
    return False


@pytest.mark.parametrize("pieces", [services.AIRFLOW, (TASK,)], ids=["services", "commands"])
def test_airflow_killed_piece_by_piece_leaves_the_marts_as_they_were_and_the_next_run_is_whole(
    airflow: Settings, pieces: tuple[str, ...], kills: int, chance: random.Random
) -> None:
    before = shown(airflow)
    killed, runs = Counter[str](), Counter[str]()
    while killed.total() < kills:
        process = run_dags()
        while process.poll() is None and killed.total() < kills:
            time.sleep(chance.uniform(0.5, 6))
            # the one that was killed least of those that run now, so that each gets its share
            for what in sorted(pieces, key=lambda one: (killed[one], chance.random())):
                if kill_one(airflow, what, chance):
                    killed[what] += 1
                    break
            assert shown(airflow) == before, f"after {killed}"
        said, _ = process.communicate(timeout=900)
        runs["succeeded" if process.returncode == 0 else "failed and said so"] += 1
        assert "Traceback" not in said
        supervisor.wait_until(lambda: well(airflow, *services.AIRFLOW), 300, "Airflow does not come back")
        assert orphans(airflow) == [], f"after {killed}"
    last = run_dags()
    said, _ = last.communicate(timeout=900)
    assert last.returncode == 0, said
    assert shown(airflow) == before
    told = ", ".join(f"{count} × {name}" for name, count in sorted(killed.items()))
    print(f"killed: {told}; runs: {dict(runs)}; the marts the same after each, and the run after them whole")


def _is_command(pid: int) -> bool:
    """A task's own command, below Airflow's processes."""
    with suppress(OSError):
        return b"wellhouse\0" in (said := Path(f"/proc/{pid}/cmdline").read_bytes()) or b"models." in said
    return False
