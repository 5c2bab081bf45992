"""PostgreSQL stopped and started again during everything: loading, backups, writes and reads go on or say one line."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from threading import Event, Thread

import psycopg

from tests.faults import processes
from tests.faults.conftest import sample
from tests.faults.rows import held
from tests.faults.test_crashes import load_all
from tests.integration import backups
from wellhouse import audit, db
from wellhouse.access import trail
from wellhouse.errors import WellhouseError
from wellhouse.ops import cluster, pgbackrest
from wellhouse.settings import Settings

PEOPLE_A_KILL = 40
"""So much that loading has not ended when the last restart comes."""


def again_and_again(of: Settings, stop: Event, *command: str) -> list[str]:
    """What the command said each time it failed, until told to stop."""
    failed = []
    while not stop.is_set():
        process = processes.begin(of, *command)
        said, _ = process.communicate(timeout=600)
        if process.returncode:
            failed.append(said)
        time.sleep(0.2)
    return failed


def reads(of: Settings, stop: Event, told: list[int]) -> None:
    """Identified reads: each is told of (its event's number) or refused."""
    while not stop.is_set():
        with suppress(WellhouseError, psycopg.OperationalError):
            told.append(audit.record(of, "wh_u_restart", action="read", path="test", purpose="a drill", persons=[7]))
        with suppress(psycopg.OperationalError), db.connect("wh_ops", of, connect_timeout=5) as connection:
            connection.execute("select count(*) from ops.load").fetchone()
        time.sleep(0.05)


def test_restarts_during_everything(
    small: Callable[[], AbstractContextManager[Settings]], kills: int, chance: random.Random
) -> None:
    people = PEOPLE_A_KILL * kills
    with small() as of:
        sample(of, people)
        load_all(of)
        clean = held(of)
    with small() as of:
        audit.begin(of, "installed")
        sample(of, people)
        stop, told, failed = Event(), list[int](), list[list[str]]()
        work = [
            Thread(target=lambda: failed.append(again_and_again(of, stop, "wellhouse", "ingest", str(of.inbox)))),
            Thread(target=lambda: failed.append(again_and_again(of, stop, "wellhouse", "backup", "run"))),
            Thread(target=reads, args=(of, stop, told)),
        ]
        for thread in work:
            thread.start()
        started = []
        for number in range(kills):
            time.sleep(chance.uniform(0.5, 3))
            postmaster = int((cluster.data(of) / "postmaster.pid").read_text().split()[0])
            processes.stop_pid(postmaster, (signal.SIGINT, signal.SIGQUIT)[number % 2])
            started.append(processes.start_server(of))
        stop.set()
        for thread in work:
            thread.join()
        load_all(of)
        assert held(of) == clean
        found = trail.verify(of)
        with db.connect("wh_ops", of) as connection:
            rows = connection.execute("select event_id from audit.event where reader = 'wh_u_restart'").fetchall()
        assert {number for (number,) in rows} >= set(told)
        done = backups.command(of, "backup", "run")
        assert done.returncode == 0, done.stdout + done.stderr
        assert [pgbackrest.verify(of, number) for number in pgbackrest.REPOSITORIES] == [[], []]
        for server in started:
            processes.stop_server(server)
    assert len(told) > kills
    assert not [said for kind in failed for said in kind if "Traceback" in said]
    print(f"{kills} restarts, every other one without a checkpoint: {sum(map(len, failed))} commands failed, each in "
          f"lines of its own; {len(clean)} hashes and counts equal, {len(told)} reads each in the trail, "
          f"{found.interrupted} refused half way; backups whole")  # fmt: skip
