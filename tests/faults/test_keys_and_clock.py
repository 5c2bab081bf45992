"""The key-encryption key is lost while files wait; the clock jumps ahead and back under loader, backup and server."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.faults import processes
from tests.faults.conftest import sample, waiting
from tests.faults.rows import held
from tests.faults.test_crashes import load_all
from tests.integration import backups
from wellhouse import audit
from wellhouse.access import trail
from wellhouse.ops import drill, pgbackrest
from wellhouse.settings import Settings

PEOPLE = 150


def said_by(of: Settings, *command: str, prefix: tuple[str, ...] = ()) -> tuple[int, str]:
    process = processes.begin(of, *command, prefix=prefix)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def test_a_lost_key_stops_everything_that_needs_it_and_loses_nothing(
    small: Callable[[], AbstractContextManager[Settings]],
) -> None:
    with small() as of:
        sample(of, PEOPLE)
        load_all(of)
        clean = held(of)
    with small() as of:
        sample(of, PEOPLE)
        files = waiting(of)
        later = of.var.parent / "later"
        for file in [file for file in files if "call_recording" not in file.parts][::2]:
            (later / file.relative_to(of.inbox)).parent.mkdir(parents=True, exist_ok=True)
            file.rename(later / file.relative_to(of.inbox))
        load_all(of)
        half = held(of)
        kek, away = of.var / "secrets" / "kek", of.var.parent / "kek"
        shutil.copytree(later, of.inbox, dirs_exist_ok=True)
        kek.rename(away)
        count, refused = len(waiting(of)), []
        for command in (("ingest", str(of.inbox)), ("keys", "status"), ("keys", "rotate")):
            code, said = said_by(of, "wellhouse", *command)
            assert code != 0, said
            assert "Traceback" not in said
            refused.append(said.strip().splitlines()[-1])
        kek.write_text("A" * 43 + "=")  # a key, but not this one
        code, said = said_by(of, "wellhouse", "ingest", str(of.inbox))
        assert code != 0, said
        assert "Traceback" not in said
        kek.unlink()
        assert len(waiting(of)) == count
        assert held_without_keys(of) == {k: v for k, v in half.items() if not k.startswith("persons without")}
        away.rename(kek)
        load_all(of)
        again = held(of)
    assert counts(half) != counts(again) == counts(clean), "in another order, so hashes name other first records"
    print(f"the key-encryption key gone, then another one: 4 commands refused ({refused[0]}); {count} files "
          "waited, nothing changed; with the key back all landed")  # fmt: skip


def counts(found: dict[str, str]) -> dict[str, str]:
    return {name: said.split(", hash")[0] for name, said in found.items()}


def held_without_keys(of: Settings) -> dict[str, str]:
    """The tables only: the keystore does not open."""
    return held(of, keys=False)


def test_a_clock_that_jumps_changes_no_row_and_lets_no_backup_go(
    small: Callable[[], AbstractContextManager[Settings]], chance: random.Random
) -> None:
    if not shutil.which("faketime"):
        pytest.skip("no faketime: apt-get install faketime")
    with small() as of:
        sample(of, PEOPLE)
        load_all(of)
        clean = held(of)
    with small() as of:
        audit.begin(of, "installed")
        assert backups.command(of, "backup", "run").returncode == 0
        sample(of, PEOPLE)
        outcomes = []
        for days in (-3000, 40, -40, 4000, 0):
            code, said = said_by(of, "wellhouse", "ingest", str(of.inbox), prefix=("faketime", "-f", f"{days:+}d"))
            assert "Traceback" not in said, said
            outcomes.append(f"{days:+} days: {'loaded' if code == 0 else 'refused'}")
            said_by(of, "wellhouse", "audit", "verify", prefix=("faketime", "-f", f"{days:+}d"))
        load_all(of)
        assert held(of) == clean
        trail.verify(of)
        ahead = of.var.parent / "ahead"
        with_clock(ahead, +60)
        code, said = said_by(of, "env", f"PATH={ahead}:{processes.environment(of)['PATH']}", "faketime", "-f", "+60d",
                             "wellhouse", "backup", "run", "--type", "full")  # fmt: skip
        kept = pgbackrest.backups(of)
        assert {b.repo for b in kept} == {1, 2}
        after = [backups.command(of, "backup", "run", "--type", "full")]
        if after[0].returncode:
            outcomes.append("backups refused after the jump: " + after[0].stdout.splitlines()[0].split("  ")[-1])
            for number in pgbackrest.REPOSITORIES:
                for each in pgbackrest.backups(of):
                    if each.repo == number and each.at > time.time() + 86400:
                        pgbackrest.run(of, "expire", f"--repo={number}", f"--set={each.label}")
            after.append(backups.command(of, "backup", "run", "--type", "full"))
        assert after[-1].returncode == 0, after[-1].stdout
        time.sleep(2)
        (oracle,) = backups.oracles(of, 1, seed=chance.randrange(1000))
        for number in pgbackrest.REPOSITORIES:
            assert drill.restored_differs(of, oracle, of.var / "restored", number) == []
            shutil.rmtree(of.var / "restored")
        for number in pgbackrest.REPOSITORIES:
            assert pgbackrest.verify(of, number) == []
    print(f"clock jumps: {'; '.join(outcomes)}; {len(clean)} hashes and counts equal; a backup 60 days ahead: {code}; "
          f"{len(kept)} sets then; an instant comes back from both repositories, 0 tables differ")  # fmt: skip


def with_clock(folder: Path, days: int) -> None:
    """A pgBackRest whose clock is ahead, for whoever finds it first."""
    real = pgbackrest.program()
    folder.mkdir(mode=0o711)
    wrapper = folder / "pgbackrest"
    wrapper.write_text(f'#!/bin/sh\nexec faketime -f {days:+}d {real} "$@"\n')
    wrapper.chmod(0o755)
    assert subprocess.run([wrapper, "version"], capture_output=True).returncode == 0
