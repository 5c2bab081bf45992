"""A small cluster of a test's own with two repositories, and writers that change it at random."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from wellhouse import db
from wellhouse.ops import bootstrap, cluster, drill, pgbackrest
from wellhouse.settings import PROJECT_ROOT, Settings


@contextmanager
def small_cluster(folder: Path, port: int, repo1: Path | str | None = None) -> Iterator[Settings]:
    """A running cluster under ``folder/var`` that archives into ``repo1`` and ``repo2``, beside it if not told."""
    folder.mkdir(exist_ok=True, mode=0o711)
    of = Settings(
        var=folder / "var", postgres_port=port, database_url=None,
        backup_repo1=str(repo1 or folder / "repo1"), backup_repo2=str(folder / "repo2"),
    )  # fmt: skip
    cluster.ensure(of)
    pgbackrest.stanza_create(of)
    server = cluster.start(of)
    try:
        bootstrap.wait(of)
        bootstrap.ensure(of)
        yield of
    finally:
        server.send_signal(2)
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def command(of: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of the product, for this cluster."""
    return subprocess.run(
        ["wellhouse", *arguments], env=environment(of), cwd=PROJECT_ROOT, text=True, capture_output=True, timeout=600
    )


def started(of: Settings, *arguments: str) -> subprocess.Popen[str]:
    """A process for this cluster that one can talk to, and kill."""
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, env=environment(of), cwd=PROJECT_ROOT, text=True, stdin=pipe, stdout=pipe)


def environment(of: Settings) -> dict[str, str]:
    """Where this cluster is."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "WELLHOUSE_VAR": str(of.var), "WELLHOUSE_POSTGRES_PORT": str(of.postgres_port), "WELLHOUSE_DATABASE_URL": "",
        "WELLHOUSE_BACKUP_REPO1": of.backup_repo1 or "", "WELLHOUSE_BACKUP_REPO2": of.backup_repo2 or "",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }  # fmt: skip


@contextmanager
def writing(of: Settings, seed: int) -> Iterator[None]:
    """Short transactions without end: rows come, change, go; some are rolled back."""
    stop, chance = Event(), random.Random(seed)  # noqa: S311 - no secret

    written = 0

    def write() -> None:
        nonlocal written
        with db.connect("wh_ingest", of) as connection:
            while not stop.is_set():
                load = chance.randrange(1, 1000)
                connection.execute(
                    "insert into landing.person "
                    "select %s, g, %s + g, 'hz', 'female', 1980 from generate_series(1, %s) g",
                    (load, load * 1000, chance.randrange(1, 200)),
                )
                connection.execute("update landing.person set birth_year = birth_year + 1 where load_id % 7 = 0")
                connection.execute("delete from landing.person where load_id = %s", (chance.randrange(1, 1000),))
                connection.rollback() if chance.random() < 0.2 else connection.commit()
                written += 1
                time.sleep(0.02)

    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        failed = not thread.is_alive()
        stop.set()
        thread.join()
    assert written, "nobody wrote"
    assert not failed, "the writer stopped by itself"


def oracles(of: Settings, count: int, seed: int) -> list[drill.Oracle]:
    """What the tables held at so many random instants while somebody wrote."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    found = []
    with writing(of, seed):
        for _ in range(count):
            time.sleep(chance.uniform(0.1, 1.5))
            found.append(drill.take(of))
        time.sleep(0.2)
    drill.wait_until_archived(of)
    return found


def both_restore(of: Settings, chance: random.Random) -> None:
    """Either repository alone is sound and brings back what the tables held at an instant while somebody wrote."""
    time.sleep(2)
    (oracle,) = oracles(of, 1, seed=chance.randrange(1000))
    for number in pgbackrest.REPOSITORIES:
        assert pgbackrest.verify(of, number) == []
        assert drill.restored_differs(of, oracle, of.var / "restored", number) == []
        shutil.rmtree(of.var / "restored")


def flip(path: Path, at: float = 0.5) -> None:
    """One bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(content)
