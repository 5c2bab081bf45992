"""Loader, server process and whole server killed outright at random moments of loading."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.faults import processes
from tests.faults.conftest import sample, waiting
from tests.faults.rows import held
from wellhouse.settings import Settings

PEOPLE_A_KILL = 40
"""So much that loading has not ended when the last kill comes."""


def load_all(of: Settings) -> None:
    """Until nothing waits, as the DAG does."""
    last = processes.begin(of, "wellhouse", "ingest", str(of.inbox))
    said, _ = last.communicate(timeout=900)
    assert last.returncode == 0, said[-2000:]
    assert waiting(of) == []


def test_kills_while_loading_lose_and_double_nothing(
    small: Callable[[], AbstractContextManager[Settings]], kills: int, chance: random.Random
) -> None:
    people = PEOPLE_A_KILL * kills
    with small() as of:
        sample(of, people)
        began = time.monotonic()
        load_all(of)
        clean, took = held(of), time.monotonic() - began
    loaders = backends = servers = 0
    with small() as of:
        sample(of, people)
        started = []
        for number in range(kills):
            loader = processes.begin(of, "wellhouse", "ingest", str(of.inbox))
            time.sleep(chance.uniform(0.6, 1.5 + took / kills))
            if number % 3 == 1:
                backends += processes.kill_backend(of, chance, "wh_ingest")
                time.sleep(chance.uniform(0, 1))
            elif number % 3 == 2:
                started.append(processes.kill_server(of))
                servers += 1
            loaders += processes.end(loader)
        left = len(waiting(of))
        load_all(of)
        killed = held(of)
        for server in started:
            processes.stop_server(server)
    assert int(clean["landing.observation"].split()[0]) > 1000
    assert killed == clean
    assert loaders + backends + servers > kills // 2, "hardly anything was under way"
    assert clean["persons without their key"] == "0"
    assert clean["recordings without audio, audio without a row"] == "0, 0"
    print(f"{kills} rounds: {loaders} loaders, {backends} server processes, {servers} servers killed; {left} files left"
          f" for the end; {len(clean)} hashes and counts equal, {clean['ledger'].split(', hash')[0]}")  # fmt: skip
