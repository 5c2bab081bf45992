"""Backups that can be restored: to an instant, from either repository, and damage is found before it is needed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.integration import backups
from tests.integration.conftest import AUDIO, KEYS
from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.ops import backup, copies, drill, pgbackrest, restore
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings


@pytest.fixture(scope="module")
def own(backed_up: Settings) -> Settings:
    return backed_up


@contextmanager
def damaged(path: Path, at: float = 0.5) -> Iterator[None]:
    backups.flip(path, at)
    try:
        yield
    finally:
        backups.flip(path, at)


def repository(of: Settings, number: int) -> Path:
    found = pgbackrest.local(of, number)
    assert found
    return found


def test_it_comes_back_as_it_was_at_random_instants(own: Settings) -> None:
    for number, oracle in enumerate(backups.oracles(own, 3, seed=1)):
        scratch = own.var / "restored"
        assert drill.restored_differs(own, oracle, scratch, 1 + number % 2) == []
        shutil.rmtree(scratch)


def test_a_difference_of_one_row_is_seen(own: Settings) -> None:
    (oracle,) = backups.oracles(own, 1, seed=2)
    name, (count, digest) = next((n, t) for n, t in oracle.tables.items() if t[0])
    oracle.tables[name] = (count, digest + "0")
    scratch = own.var / "restored"
    assert drill.restored_differs(own, oracle, scratch, 2) == [name]
    shutil.rmtree(scratch)


def test_the_list_says_what_each_repository_holds(own: Settings) -> None:
    rows = json.loads(backups.command(own, "backup", "list", "--json").stdout)["backups"]
    assert {(r["kind"], r["repo"]) for r in rows} == {
        (kind, repo) for kind in ("database", "keystore", "files") for repo in (1, 2)
    }
    assert all(r["bytes"] > 0 and r["label"] for r in rows)


def test_all_of_it_reads_well(own: Settings) -> None:
    done = backups.command(own, "backup", "verify", "--json")
    assert done.returncode == 0, done.stdout
    assert {r["verified"] for r in json.loads(done.stdout)["backups"]} == {True}


@pytest.mark.parametrize("what", ["backup", "archive"])
def test_one_flipped_bit_is_found(own: Settings, what: str) -> None:
    files = sorted((repository(own, 1) / what).rglob("*.zst"), key=lambda p: (p.stat().st_size, p.name))
    with damaged(files[len(files) // 2]):
        done = backups.command(own, "backup", "verify", "--json")
    rows = json.loads(done.stdout)["backups"]
    assert done.returncode == 1
    assert [(r["kind"], r["repo"]) for r in rows if not r["verified"]] == [("database", 1)]


def test_a_missing_segment_is_found(own: Settings) -> None:
    segments = sorted((repository(own, 2) / "archive").rglob("*.zst"))
    away = own.var / "away"
    shutil.move(segments[len(segments) // 2], away)
    try:
        (problem,) = pgbackrest.verify(own, 2)
    finally:
        shutil.move(away, segments[len(segments) // 2])
    assert problem.startswith("WAL is missing between ")


@pytest.mark.parametrize("kind", [copies.KEYSTORE, copies.FILES])
def test_a_damaged_copy_is_found_wherever_it_is_damaged(own: Settings, kind: str) -> None:
    check = copies.verify_keystore if kind == copies.KEYSTORE else copies.verify_files
    newest = copies.Copies(own, 1, kind).listed()[-1]
    path = repository(own, 1) / "copies" / kind / newest.name
    for at in (0.0, 0.3, 0.999999):
        with damaged(path, at):
            assert len(check(own, 1)) == 1
    assert check(own, 1) == []


def test_either_repository_alone_is_enough(own: Settings) -> None:
    (oracle,) = backups.oracles(own, 1, seed=3)
    for number in (1, 2):
        away = own.var.parent / "lost"
        repository(own, number).rename(away)
        scratch = own.var / "restored"
        try:
            assert restore.restore(own, oracle.at.isoformat(), scratch).repo == 3 - number
            with restore.running(own, scratch) as copy, db.connect("wh_ops", copy) as connection:
                assert drill.compare(oracle.tables, drill.fingerprint(connection)) == []
            assert backups.command(own, "backup", "list").returncode == 0
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            shutil.rmtree(repository(own, number), ignore_errors=True)
            away.rename(repository(own, number))


def test_a_lost_repository_is_begun_anew_and_archiving_goes_on(own: Settings) -> None:
    shutil.rmtree(repository(own, 2))
    done = backups.command(own, "backup", "run", "--json")
    assert done.returncode == 0, done.stdout
    assert [b.type for b in pgbackrest.backups(own) if b.repo == 2] == ["full"]
    assert pgbackrest.verify(own, 2) == []


def test_the_drill_restores_both_and_cleans_up(own: Settings) -> None:
    """The supervisor hands this umask to tasks; the folder must be passable for the server's user all the same."""
    shutil.rmtree(own.var / "drill", ignore_errors=True)
    before = os.umask(0o077)
    try:
        done = backups.command(own, "restore", "drill", "--json")
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["drills"]
    assert [(r["repo"], r["status"], r["mismatched"]) for r in rows] == [(1, "ok", []), (2, "ok", [])]
    assert [p.name for p in (own.var / "drill").iterdir()] == [".lock"]


def test_a_second_drill_is_refused_and_leaves_the_first_ones_cluster_alone(own: Settings) -> None:
    with drill.alone(own):
        scratch = own.var / "drill" / "repo1"
        scratch.mkdir()
        done = backups.command(own, "restore", "drill")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "wellhouse: a restore drill is under way: one at a time\n"
        assert backups.command(own, "backup", "run").returncode == 0, "a backup does not wait for it"
        assert scratch.exists()
    assert backups.command(own, "backup", "run").returncode == 0
    assert not scratch.exists(), "what a drill that was killed left"


def test_a_drill_is_under_way_for_as_long_as_its_server_runs(own: Settings) -> None:
    (oracle,) = backups.oracles(own, 1, seed=5)
    code = f"""
import os, sys
from wellhouse.ops import drill, restore
from wellhouse.settings import settings
with drill.alone(settings()) as lock:
    scratch = settings().var / "drill" / "repo1"
    restore.restore(settings(), {oracle.at.isoformat()!r}, scratch, 1, (lock,))
    with restore.running(settings(), scratch, (lock,)):
        print((scratch / "postmaster.pid").read_text().split()[0], flush=True)
        sys.stdin.read()
"""
    with backups.started(own, sys.executable, "-c", code) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        os.kill(server, signal.SIGSTOP)
        process.kill()
        process.wait()
        with pytest.raises(WellhouseError, match="a restore drill is under way"), drill.alone(own):
            pass
        os.kill(server, signal.SIGCONT)  # the kernel told it that its parent ended
    deadline = time.monotonic() + 60
    while True:
        try:
            with drill.alone(own):
                break
        except WellhouseError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert not list((own.var / "drill").glob("repo*"))


def test_the_dashboard_says_what_each_repository_holds_and_how_it_went(own: Settings) -> None:
    assert backups.command(own, "backup", "run").returncode == 0
    newest_copy = copies.Copies(own, 1, copies.KEYSTORE).listed()[-1].name
    with damaged(repository(own, 1) / "copies" / copies.KEYSTORE / newest_copy):
        assert backups.command(own, "backup", "verify").returncode == 1
    state = state_of(own)
    assert set(state) == {(kind, repo) for kind in backup.KINDS for repo in (1, 2)}
    assert {k: s["verify_status"] for k, s in state.items() if s["verify_status"] != "ok"} == {
        (copies.KEYSTORE, 1): "failed"
    }
    newest = {b.repo: b for b in pgbackrest.backups(own)}
    for repo in (1, 2):
        database = state["database", repo]
        assert database["bytes"] == newest[repo].bytes
        assert 0 <= database["backed_up_at"].timestamp() - newest[repo].at < 60
        assert database["drill_status"] == "ok"
        assert state[copies.FILES, repo]["drilled_at"] is None, "only the database is drilled"
    away = own.var.parent / "lost"
    repository(own, 2).rename(away)
    repository(own, 2).write_bytes(b"")  # a file where the folder was: nothing can be written
    try:
        assert backups.command(own, "backup", "run").returncode == 1
    finally:
        repository(own, 2).unlink()
        away.rename(repository(own, 2))
    after = state_of(own)
    assert after["database", 2]["backup_status"] == "failed"
    assert after["database", 2]["backed_up_at"] == state["database", 2]["backed_up_at"], "the last good one"
    assert backups.command(own, "backup", "run").returncode == 0
    assert backups.command(own, "backup", "verify").returncode == 0


def state_of(of: Settings) -> dict[tuple[str, int], dict[str, Any]]:
    with administrator(of, of.database) as server:
        rows = server.cursor(row_factory=dict_row).execute("select * from ops.backup_state").fetchall()
    return {(row["kind"], row["repo"]): row for row in rows}


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("2020-01-01", "unable to find backup set"),
        ("yesterday", "expected a time"),
        ("2999-01-01", "still to come"),
    ],
)
def test_a_time_that_cannot_be_is_one_line(own: Settings, to: str, said: str) -> None:
    into = own.var / "restored"
    done = backups.command(own, "restore", "--to", to, "--into", str(into))
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    shutil.rmtree(into, ignore_errors=True)


def test_nothing_is_restored_over_something(own: Settings) -> None:
    with pytest.raises(WellhouseError, match="is not empty"):
        restore.restore(own, restore.LATEST, own.var / "postgres")


def test_the_keystore_comes_back_with_every_key(own: Settings) -> None:
    into = own.var / "restored.sqlite"
    assert backups.command(own, "restore", "keystore", "--into", str(into), "--repo", "2").returncode == 0
    assert into.stat().st_mode & 0o777 == 0o600
    elsewhere = own.model_copy(update={"var": own.var / "elsewhere"})
    elsewhere.keystore.mkdir(parents=True)
    shutil.copytree(own.var / "secrets", elsewhere.var / "secrets")
    into.rename(elsewhere.keystore / "keystore.sqlite")
    with Keyring.open(elsewhere) as ring:
        assert ring.status().keys == KEYS
        assert ring.status().under_other_kek == 0
    shutil.rmtree(elsewhere.var)


def test_a_destroyed_key_leaves_the_copies_at_once_when_told(own: Settings) -> None:
    before = copies.Copies(own, 1, copies.KEYSTORE).listed()
    copies.copy_keystore(own, 1, only=True)
    after = copies.Copies(own, 1, copies.KEYSTORE).listed()
    assert len(after) == 1
    assert after[0] not in before


def test_files_come_back_byte_for_byte_and_go_when_they_are_gone(own: Settings, tmp_path: Path) -> None:
    assert copies.restore_files(own, (2,), tmp_path).counts[2] >= 1
    assert (tmp_path / "recordings" / "hz" / "a.sealed").read_bytes() == AUDIO
    (own.var / "recordings" / "hz" / "a.sealed").rename(tmp_path / "kept")
    assert copies.copy_files(own, 2).removed == 1
    (tmp_path / "kept").rename(own.var / "recordings" / "hz" / "a.sealed")
    assert copies.copy_files(own, 2).copied == 1


def test_a_store_that_vanished_takes_no_copy_with_it(own: Settings) -> None:
    folder = own.var / "originals"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.sealed").write_bytes(b"sealed")
    assert copies.copy_files(own, 1).copied == 20
    shutil.rmtree(folder)
    with pytest.raises(WellhouseError, match="20 of 21 recordings and originals have vanished"):
        copies.copy_files(own, 1)
    kept = [
        c.name for c in copies.Copies(own, 1, copies.FILES).listed() if c.name.startswith(("recordings", "originals"))
    ]
    assert len(kept) == 21


def test_keys_are_in_files_of_their_own_user_and_in_no_log(own: Settings) -> None:
    assert pgbackrest.configuration_file(own).stat().st_mode & 0o777 == 0o600
    assert (pgbackrest.folder(own) / "pgpass").stat().st_mode & 0o777 == 0o600
    secrets = [pgbackrest.secret(own, 1), pgbackrest.secret(own, 2), db.password(pgbackrest.ROLE, own)]
    assert len(set(secrets)) == 3
    logs = [*(own.var / "pgbackrest" / "log").glob("*.log"), *own.logs.glob("*.log")]
    assert logs
    assert [log.name for log in logs for s in secrets if s in log.read_text(errors="replace")] == []


def test_whoever_backs_up_may_read_no_table(own: Settings) -> None:
    with db.connect(pgbackrest.ROLE, own) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user"
        ).fetchone()
        assert row == (False, False, False)
        readable = connection.execute(
            """select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema)'
               and has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage')"""
        ).fetchall()
        assert readable == []
