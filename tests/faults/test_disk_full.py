"""Disks that are full at random moments: under everything, and under one repository alone."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults import processes
from tests.faults.conftest import sample, waiting
from tests.faults.rows import held
from tests.faults.test_crashes import load_all
from tests.integration import backups
from wellhouse.ops import bootstrap, cluster
from wellhouse.settings import Settings

PEOPLE_A_KILL = 60


@contextmanager
def disk(megabytes: int) -> Iterator[Path]:
    """A small disk of its own in memory."""
    folder = Path(tempfile.mkdtemp(prefix="wellhouse-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def full(folder: Path, left: int) -> Iterator[None]:
    """All of the disk but so many bytes is taken."""
    taken = folder / "taken"
    free = shutil.disk_usage(folder).free
    with taken.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - left))
    try:
        yield
    finally:
        taken.unlink()


def alive(of: Settings) -> bool:
    try:
        bootstrap.wait(of, 5)
        return True
    except Exception:
        return False


def test_a_full_disk_stops_loading_and_loses_nothing(
    unused_ports: Callable[[int], list[int]],
    small: Callable[[], AbstractContextManager[Settings]],
    kills: int,
    chance: random.Random,
) -> None:
    said, stopped = [], 0
    with small() as of:
        sample(of, PEOPLE_A_KILL * kills)
        load_all(of)
        clean = held(of)
    with disk(700 + 30 * kills) as folder, backups.small_cluster(folder / "one", unused_ports(1)[0]) as of:
        sample(of, PEOPLE_A_KILL * kills)
        servers = []
        for _ in range(kills):
            with full(folder, chance.randrange(3 << 20)):
                loader = processes.begin(of, "wellhouse", "ingest", str(of.inbox))
                output, _ = loader.communicate(timeout=300)
                if loader.returncode:
                    said.append(output)
            if not alive(of):  # PostgreSQL ends when WAL has no room; the supervisor starts it again
                with suppress(FileNotFoundError):
                    processes.stop_pid(int((cluster.data(of) / "postmaster.pid").read_text().split()[0]), 9)
                servers.append(processes.start_server(of))
                stopped += 1
        left = len(waiting(of))
        load_all(of)
        killed = held(of)
        for server in servers:
            processes.stop_server(server)
    assert killed == clean
    assert said, "the disk was never full"
    assert not [text for text in said if "Traceback" in text]
    print(f"{kills} times full: {len(said)} loads failed and said so, {stopped} times the server ended and came back, "
          f"{left} files left for the end; {len(clean)} hashes and counts equal")  # fmt: skip


def test_a_full_repository_holds_up_neither_loading_nor_the_other_one(
    unused_ports: Callable[[int], list[int]], chance: random.Random
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="wellhouse-fault-"))
    folder.chmod(0o711)
    with disk(400) as place:
        repo = place / "repo1"
        with backups.small_cluster(folder, unused_ports(1)[0], repo1=repo) as of:
            assert backups.command(of, "backup", "run").returncode == 0
            with full(place, chance.randrange(1 << 20)):
                sample(of, 60)
                load_all(of)
                done = backups.command(of, "backup", "run", "--json", "--type", "full")
                assert done.returncode == 1
                assert "No space left" in done.stdout
            done = backups.command(of, "backup", "run", "--json", "--type", "full")
            assert done.returncode == 0, done.stdout
            backups.both_restore(of, chance)
    print("repository 1 full: rows land, the other goes on, it is told; with room again both restore, 0 differ")
