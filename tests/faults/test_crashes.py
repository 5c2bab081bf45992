"""Loader, server process and whole server killed outright at random moments of loading."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from subprocess import Popen, TimeoutExpired

import psycopg

from tests.faults import processes
from tests.faults.conftest import sample, waiting
from tests.faults.rows import held
from wellhouse.ops import bootstrap
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

PEOPLE_A_WAVE = 60
"""Of the files that come when all before them are loaded."""
LONGEST_S = 0.8
"""Seconds from a loader's first transaction to the last moment at which it is killed: several files."""


def under_way(of: Settings, loader: Popen[str]) -> None:
    """Until the loader holds a transaction open, so that the kill hits work and not the start of a program."""
    while loader.poll() is None:
        with suppress(psycopg.OperationalError), administrator(of) as server:
            query = "select 1 from pg_stat_activity where usename = 'wh_ingest' and xact_start is not null"
            if server.execute(query).fetchone():
                return
        time.sleep(0.05)


def load_all(of: Settings) -> None:
    """Until nothing waits, as the DAG does."""
    last = processes.begin(of, "wellhouse", "ingest", str(of.inbox))
    said, _ = last.communicate(timeout=900)
    assert last.returncode == 0, said[-2000:]
    assert waiting(of) == []


def broken(of: Settings) -> list[str]:
    """What no moment may show: rows of a load that the ledger does not have, files whose counts do not add up."""
    with administrator(of, of.database) as server:
        tables = server.execute(
            "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'load_id' "
            "where c.relnamespace = 'landing'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition"
        ).fetchall()
        orphan = (
            "select 1 from landing.{} t where not exists (select from ops.load l where l.load_id = t.load_id) limit 1"
        )
        orphans = [name for (name,) in tables if server.execute(orphan.format(name).encode()).fetchone()]
        uneven = server.execute(
            "select file_name from ops.load where rows_read <> rows_loaded + rows_quarantined + rows_duplicate or "
            "observations_read <> observations_loaded + observations_quarantined + observations_duplicate"
        ).fetchall()
        doubled = server.execute("select sha256 from ops.load group by sha256 having count(*) > 1").fetchall()
    return [*orphans, *(str(row) for row in (*uneven, *doubled))]


def test_kills_while_loading_lose_and_double_nothing(
    small: Callable[[], AbstractContextManager[Settings]], kills: int, chance: random.Random
) -> None:
    """``KILLS`` points, all within one installation: of ten one takes the whole server, three a server process.

    Many small files: a point may lie anywhere in a load, between two, or between a commit and the end of its file.
    """
    killed = {"loaders": 0, "server processes": 0, "servers": 0}
    rounds = waves = 0
    with small() as of:
        started = []
        while sum(killed.values()) < kills:
            if not waiting(of):
                waves += 1
                sample(of, PEOPLE_A_WAVE, seed=waves)
            rounds += 1
            loader = processes.begin(of, "wellhouse", "ingest", str(of.inbox))
            under_way(of, loader)
            time.sleep(chance.uniform(0, LONGEST_S))
            victim = {0: "servers", 3: "server processes", 6: "server processes", 9: "server processes"}.get(
                rounds % 10
            )
            if victim and loader.poll() is None:
                if victim == "servers":
                    started.append(processes.kill_server(of))
                    killed[victim] += 1
                else:
                    killed[victim] += processes.kill_backend(of, chance, "wh_ingest")
                with suppress(TimeoutExpired):
                    loader.wait(chance.uniform(0, 1))  # it may notice, or be killed as well
            died = processes.end(loader)
            killed["loaders"] += died and victim is None
            if rounds % 10 == 0:
                bootstrap.wait(of)
                assert broken(of) == []
        load_all(of)
        after = held(of)
        for server in started:
            processes.stop_server(server)
    with small() as of:
        for wave in range(1, waves + 1):
            sample(of, PEOPLE_A_WAVE, seed=wave)
            load_all(of)
        clean = held(of)
    assert int(clean["landing.observation"].split()[0]) > 1000
    assert after == clean
    assert clean["persons without their key"] == "0"
    assert clean["recordings without audio, audio without a row"] == "0, 0"
    print(f"{sum(killed.values())} points: {killed}; {len(clean)} hashes and counts equal, "
          f"{clean['ledger'].split(', hash')[0]}")  # fmt: skip
