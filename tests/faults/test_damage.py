"""Single bits flipped where data rests: in tables, in WAL that waits, in either repository; and a repository lost."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from tests.faults import processes
from tests.faults.conftest import sample
from tests.faults.test_crashes import load_all
from tests.integration import backups
from wellhouse import db
from wellhouse.ops import accounts, bootstrap, cluster, drill, pgbackrest, restore
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings


def flip(path: Path, chance: random.Random) -> int:
    """One random bit of a file; where."""
    at, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))
    return at


def checked(of: Settings) -> subprocess.CompletedProcess[str]:
    user = accounts.os_user()
    return subprocess.run(
        [cluster.binaries() / "pg_checksums", "--check", "-D", cluster.data(of)], user=user,
        group=accounts.group(user), extra_groups=[] if user else None, cwd="/", text=True, capture_output=True,
    )  # fmt: skip


def stopped(of: Settings) -> None:
    processes.stop_pid(int((cluster.data(of) / "postmaster.pid").read_text().split()[0]), 2)


def test_a_bit_in_a_table_is_never_read_as_data(
    small: Callable[[], AbstractContextManager[Settings]], kills: int, chance: random.Random
) -> None:
    with small() as of:
        sample(of, 100)
        load_all(of)
        assert backups.command(of, "backup", "run").returncode == 0
        time.sleep(2)
        oracle = drill.take(of)
        drill.wait_until_archived(of)
        with administrator(of, of.database) as server:
            assert server.execute("show data_checksums").fetchone() == ("on",)
            server.execute("checkpoint")
            files = [
                cluster.data(of) / name for (name,) in server.execute(
                    """select pg_relation_filepath(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                       where n.nspname in ('landing', 'vault', 'quarantine', 'ops', 'audit') and c.relkind in ('r', 'i')
                       and pg_relation_size(c.oid) > 0"""
                ).fetchall()
            ]  # fmt: skip
        stopped(of)
        kept, seen = of.var.parent / "kept", 0
        for _ in range(kills):
            file = chance.choice(files)
            shutil.copy2(file, kept)
            flip(file, chance)
            done = checked(of)
            seen += done.returncode != 0 and "Bad checksums:  1" in done.stdout
            shutil.copy(kept, file)
        assert seen == kills
        assert checked(of).returncode == 0
        # as it would be met: the server reads the page, a reader gets an error and no row, the nightly backup says so
        with administrator_of_files(of, "landing.observation") as file:
            flip(file, chance)
        servers = [processes.start_server(of)]
        with db.connect("wh_ops", of) as connection, pytest.raises(psycopg.errors.DataCorrupted):
            drill.fingerprint(connection)
        done = backups.command(of, "backup", "run", "--type", "full")
        assert done.returncode == 1, "a backup of a damaged table is no backup"
        assert "the cluster is damaged" in done.stdout, done.stdout
        stopped(of)
        cluster.data(of).rename(of.var.parent / "damaged")
        restored = restore.restore(of, oracle.at.isoformat(), cluster.data(of))
        servers.append(processes.start_server(of))
        with db.connect("wh_ops", of) as connection:
            assert drill.compare(oracle.tables, drill.fingerprint(connection)) == []
        for server in servers:
            processes.stop_server(server)
    print(f"{kills} bits in tables and indexes: {seen} seen by their page's checksum; read: refused; backed up: told; "
          f"restored in {restored.seconds} s, 0 tables differ")  # fmt: skip


class administrator_of_files:
    """The file of a table of a stopped server."""

    def __init__(self, of: Settings, table: str) -> None:
        server = processes.start_server(of)
        with administrator(of, of.database) as connection:
            row = connection.execute("select pg_relation_filepath(%s::regclass)", (table,)).fetchone()
        processes.stop_server(server)
        assert row
        self.path = cluster.data(of) / row[0]

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        pass


def test_a_bit_anywhere_in_a_repository_is_found_and_the_other_one_is_enough(
    small: Callable[[], AbstractContextManager[Settings]], kills: int, chance: random.Random
) -> None:
    with small() as of:
        sample(of, 60)
        load_all(of)
        assert backups.command(of, "backup", "run").returncode == 0
        time.sleep(2)
        (oracle,) = backups.oracles(of, 1, seed=chance.randrange(1000))
        files = {
            number: sorted(f for f in Path(pgbackrest.place(of, number)).rglob("*") if f.is_file() and f.stat().st_size)
            for number in pgbackrest.REPOSITORIES
        }
        missed, kept = [], of.var.parent / "kept"
        for turn in range(kills):
            number = 1 + turn % 2
            file = chance.choice(files[number])
            shutil.copy2(file, kept)
            flip(file, chance)
            done = backups.command(of, "backup", "verify", "--json")
            if done.returncode == 0:
                missed.append(str(file.relative_to(pgbackrest.place(of, number))))
            shutil.copy(kept, file)
        assert missed == []
        # one bit of the segment that the instant needs: the other repository's copy is taken without a word
        segments = sorted((Path(pgbackrest.place(of, 1)) / "archive").rglob("*.zst"))
        flip(segments[-1], chance)
        flip(max((Path(pgbackrest.place(of, 1)) / "backup").rglob("*.zst"), key=lambda f: f.stat().st_size), chance)
        scratch = of.var / "restored"
        done_by = restore.restore(of, oracle.at.isoformat(), scratch).repo
        with restore.running(of, scratch) as copy, db.connect("wh_ops", copy) as connection:
            assert drill.compare(oracle.tables, drill.fingerprint(connection)) == []
        assert done_by == 2
    print(f"{kills} bits anywhere in the repositories: {kills - len(missed)} found by `backup verify`; "
          "with repository 1 damaged, restored from repository 2, 0 tables differ")  # fmt: skip


def test_a_repository_lost_while_rows_are_written(
    small: Callable[[], AbstractContextManager[Settings]], chance: random.Random
) -> None:
    with small() as of:
        assert backups.command(of, "backup", "run").returncode == 0
        lost = Path(pgbackrest.place(of, 1))
        with backups.writing(of, chance.randrange(1000)):
            time.sleep(1)
            shutil.rmtree(lost)
            lost.write_text("a disk that is gone")  # nothing can be made anew in its place
            time.sleep(chance.uniform(1, 5))
            failed = backups.command(of, "backup", "run", "--json")
            assert failed.returncode == 1
            time.sleep(1)
            lost.unlink()
        done = backups.command(of, "backup", "run", "--json")
        assert done.returncode == 0, done.stdout
        backups.both_restore(of, chance)
        bootstrap.wait(of)
    print("a repository lost under load: the other one went on, the lost one begun anew, both restore, 0 tables differ")
