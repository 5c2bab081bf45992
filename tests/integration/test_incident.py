"""From "this account leaked at T" to the list of affected persons; and everybody off at once, and back."""

from __future__ import annotations

import csv
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from wellhouse import audit, db
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings
from wellhouse.signin import sessions

NAME = "leaked_test"
HZ, SH, CD = (2**42 + n for n in range(3))


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    readers.ensure_defaults(stack)
    readers.provision(stack, NAME, "health_manager", ["inc_hz", "inc_sh"])
    readers.revoke_sites(stack, NAME, ["inc_sh"])
    with administrator(stack, stack.database) as server:
        for key, site in ((HZ, "inc_hz"), (SH, "inc_sh"), (CD, "inc_cd")):
            server.execute("insert into vault.person values (%s, 'none', '', '')", (key,))
            server.execute("insert into vault.person_site values (%s, %s)", (key, site))
        yield server
        server.execute("delete from vault.person where person_key in (%s, %s, %s)", (HZ, SH, CD))
    readers.revoke(stack, NAME)


def wellhouse(*words: str, code: int = 0) -> str:
    done = subprocess.run(["wellhouse", "incident", *words], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def rows(folder: str, name: str) -> list[dict[str, str]]:
    with (Path(folder) / f"{name}.csv").open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_whom_a_leaked_account_saw_and_could_see(stack: Settings, server: psycopg.Connection) -> None:
    def read(who: str, *persons: int) -> int:
        return audit.record(stack, who, action="read", path="summary", purpose="a test", persons=persons)

    early = read(db.reader_role(NAME), HZ, SH)
    late = read(db.reader_role(NAME), HZ)
    read("wh_u_somebody_else", CD)
    server.execute("update audit.event set at = at - interval '3 days' where event_id = %s", (early,))
    try:
        since = server.execute("select (now() - interval '1 day')::timestamp(0)::text").fetchone()
        assert since is not None
        command = ["open", "--account", NAME, "--since", str(since[0]), "--purpose", "found in a paste"]
        done: dict[str, Any] = json.loads(wellhouse(*command, "--json"))
    finally:
        server.execute("update audit.event set at = at + interval '3 days' where event_id = %s", (early,))
    folder = done["folder"]
    assert (done["seen"], done["reachable"], done["sites"]) == (1, 2, ["inc_hz", "inc_sh"]), "what was revoked counts"
    assert [int(r["person_key"]) for r in rows(folder, "seen")] == [HZ]
    assert [int(r["person_key"]) for r in rows(folder, "reachable")] == [HZ, SH]
    assert [int(r["event_id"]) for r in rows(folder, "events")] == [late]
    assert {r["action"] for r in rows(folder, "changes")} == {"provision", "revoke"}
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in Path(folder).iterdir())
    assert done["seconds"] < 60
    told = server.execute("select purpose from audit.event where action = 'incident' order by event_id desc limit 1")
    assert NAME in str(told.fetchone())


def test_nobody_of_that_name(stack: Settings) -> None:
    command = ["open", "--account", "never_was", "--since", "2020-01-01", "--purpose", "x"]
    assert "no trace" in wellhouse(*command, code=1)


def may_log_in(of: Settings, name: str) -> bool:
    try:
        db.connect(db.reader_role(name), of).close()
        return True
    except psycopg.OperationalError:
        return False


def test_everybody_off_at_once_and_back(stack: Settings, server: psycopg.Connection) -> None:
    people = [r.username for r in readers.everyone(stack) if r.active]
    revoked = [r.username for r in readers.everyone(stack) if r.state == "revoked"]
    assert all(may_log_in(stack, name) for name in people)
    session = db.connect(db.reader_role(NAME), stack, autocommit=True)
    web = sessions.begin(stack, NAME, "test")
    assert sessions.who(stack, web) == NAME
    try:
        began = time.monotonic()
        assert "locked down" in wellhouse("lock-down", "--purpose", "a drill")
        assert time.monotonic() - began < 5
        assert not any(may_log_in(stack, name) for name in people)
        with pytest.raises(psycopg.OperationalError):
            session.execute("select 1")
        assert sessions.who(stack, web) is None
        # nothing that happens meanwhile opens a door
        with pytest.raises(WellhouseError, match="cleared"):
            sessions.begin(stack, NAME, "test")
        program = sessions.begin(stack, NAME, "test", is_program=True)
        assert sessions.who(stack, program) == NAME, "deployment goes on"
        sessions.end(stack, program)
        readers.provision(stack, NAME, "health_manager", ["inc_hz"])
        assert not may_log_in(stack, NAME)
        wellhouse("lock-down", "--purpose", "twice is once")
        db.connect("wh_ingest", stack).close()
    finally:
        assert "lifted" in wellhouse("lift", "--purpose", "a drill")
    assert sessions.who(stack, web) is None, "what was ended stays ended"
    sessions.end(stack, sessions.begin(stack, NAME, "test"))
    assert all(may_log_in(stack, name) for name in people)
    assert not any(may_log_in(stack, name) for name in revoked)
