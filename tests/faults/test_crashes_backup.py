"""A backup killed outright at random moments: the next one is whole, and what it holds comes back from either place."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.faults import processes
from tests.integration import backups
from wellhouse.ops import drill, pgbackrest
from wellhouse.settings import Settings


def test_killed_backups_leave_nothing_broken(
    small: Callable[[], AbstractContextManager[Settings]], kills: int, chance: random.Random
) -> None:
    with small() as of:
        began = time.monotonic()
        assert backups.command(of, "backup", "run").returncode == 0
        took = time.monotonic() - began
        (before,) = backups.oracles(of, 1, seed=chance.randrange(1000))
        killed = 0
        with backups.writing(of, chance.randrange(1000)):
            for number in range(kills):
                kind = ("full", "diff", "incr")[number % 3]
                process = processes.begin(of, "wellhouse", "backup", "run", "--type", kind)
                time.sleep(chance.uniform(0.2, took))
                killed += processes.end(process)
        done = backups.command(of, "backup", "run")
        assert done.returncode == 0, done.stdout + done.stderr
        assert [pgbackrest.verify(of, number) for number in pgbackrest.REPOSITORIES] == [[], []]
        time.sleep(2)
        (after,) = backups.oracles(of, 1, seed=chance.randrange(1000))
        for oracle in (before, after):
            for number in pgbackrest.REPOSITORIES:
                assert drill.restored_differs(of, oracle, of.var / "restored", number) == []
                shutil.rmtree(of.var / "restored")
        sets = len(pgbackrest.backups(of))
    assert killed > kills // 2
    print(f"{killed} of {kills} backups killed while rows were written: the next one whole, verified, {sets} sets; an "
          "instant before and one after come back from both repositories, 0 tables differ")  # fmt: skip
