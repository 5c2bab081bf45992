"""Copies are written by one backup at a time, and what a killed one left goes with the next."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wellhouse import files
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.ops import backup, copies, pgbackrest
from wellhouse.settings import PROJECT_ROOT, Settings


@pytest.fixture
def of(tmp_path: Path) -> Settings:
    of = Settings(var=tmp_path / "var", database_url="postgresql://127.0.0.1:1/")
    with Keyring.open(of) as ring:
        ring.create(3)
    (of.var / "originals").mkdir()
    for name in "abc":
        (of.var / "originals" / f"{name}.sealed").write_bytes(name.encode() * 1000)
    return of


def copied(of: Settings, number: int, kind: str) -> Path:
    repository = pgbackrest.local(of, number)
    assert repository
    return repository / "copies" / kind


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def command(of: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wellhouse.cli", "restore", *arguments], text=True, capture_output=True,
        env=os.environ | {"WELLHOUSE_VAR": str(of.var)}, cwd=PROJECT_ROOT,
    )  # fmt: skip


def test_one_damaged_copy_does_not_stop_the_restore_of_the_others(of: Settings, tmp_path: Path) -> None:
    backup.run(of)
    flip(sorted((copied(of, 1, copies.FILES) / "originals").iterdir())[0])
    done = command(of, "files", "--into", str(tmp_path / "back"))
    assert (done.returncode, done.stdout.splitlines()) == (
        0, [f"{count} files from repository {number} are in {tmp_path / 'back'}" for number, count in ((1, 2), (2, 1))],
    )  # fmt: skip
    assert done.stderr.startswith("repository 1: the copy files/originals/a.sealed~")
    assert {p.name for p in (tmp_path / "back" / "originals").iterdir()} == {"a.sealed", "b.sealed", "c.sealed"}
    alone = command(of, "files", "--into", str(tmp_path / "alone"), "--repo", "1")
    assert (alone.returncode, alone.stderr.splitlines()[-1]) == (
        1, "wellhouse: 1 files could be restored from no repository",
    )  # fmt: skip
    assert {p.name for p in (tmp_path / "alone" / "originals").iterdir()} == {"b.sealed", "c.sealed"}


def test_of_the_keystore_the_newest_whole_copy_comes_back(of: Settings, tmp_path: Path) -> None:
    backup.run(of)
    time.sleep(0.01)
    (of.keystore / "keystore.sqlite").rename(tmp_path / "kept")
    with Keyring.open(of) as ring:
        ring.create(3000)
    source = of.keystore / "keystore.sqlite"
    content = bytearray(source.read_bytes())
    for page in range(4096 * 5, len(content), 4096):
        content[page : page + 200] = b"\xff" * 200
    source.write_bytes(content)
    assert backup.run(of)[0].reason is None, "copied as it is"
    flip(sorted(copied(of, 1, copies.KEYSTORE).iterdir())[0])
    done = command(of, "keystore", "--into", str(tmp_path / "back.sqlite"))
    assert done.returncode == 0, done.stderr
    assert "from repository 2" in done.stdout
    assert len([line for line in done.stderr.splitlines() if line.startswith("repository ")]) == 2
    with sqlite3.connect(tmp_path / "back.sqlite") as back:
        assert back.execute("select count(*) from data_key").fetchone() == (3,)


def test_a_second_backup_is_refused_in_one_line(of: Settings) -> None:
    (of.var / "run").mkdir()
    lock = files.held(of.var / "run" / "backup.lock", "")
    with pytest.raises(WellhouseError, match=r"^a backup is under way: one at a time$"):
        backup.run(of)
    os.close(lock)
    assert {row.reason for row in backup.run(of)} == {None}


def test_what_a_killed_backup_left_goes_and_what_the_monitor_writes_stays(of: Settings) -> None:
    assert {row.reason for row in backup.run(of)} == {None}
    half = copied(of, 1, copies.FILES) / "originals" / "gone~1~9.part"
    fresh, old = (copied(of, 2, copies.KEYSTORE) / f"{name}.part" for name in ("fresh", "old"))
    for draft in (half, fresh, old):
        draft.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert {row.reason for row in backup.run(of)} == {None}
    assert [draft.exists() for draft in (half, fresh, old)] == [False, True, False]
    assert {row.verified for row in backup.verify(of)} == {True}
