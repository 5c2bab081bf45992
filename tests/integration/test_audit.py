"""The audit trail: two sinks that tell the same, and everything that somebody might do to either is noticed."""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from wellhouse import audit, db
from wellhouse.access import trail
from wellhouse.audit.sink import Sink
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

Lines = list[bytes]
READER = "wh_u_audit_test"


def event(of: Settings, *persons: int) -> int:
    return audit.record(of, READER, action="read", path="test", purpose="a test", persons=persons, rows=1)


@pytest.fixture
def kept(stack: Settings) -> Iterator[tuple[Settings, Path, psycopg.Connection]]:
    """Both sinks, put back as they were afterwards."""
    for person in (7, 8, 9, 10):
        event(stack, person)
    path = Sink(stack).path
    before = path.read_bytes()
    with administrator(stack, stack.database) as server:
        server.execute("create table audit.before as select * from audit.event")
        yield stack, path, server
        server.execute("truncate audit.event")
        server.execute("insert into audit.event select * from audit.before")
        server.execute("drop table audit.before")
    path.write_bytes(before)
    assert trail.verify(stack).compared > 3


def broken(of: Settings) -> str:
    with pytest.raises(WellhouseError) as said:
        trail.verify(of)
    return str(said.value)


def last(server: psycopg.Connection) -> int:
    (number,) = server.execute("select max(event_id) from audit.event").fetchone() or (0,)
    return int(number)


IN_THE_DATABASE = {
    "edit": "update audit.event set purpose = 'nothing' where event_id = {n} - 2",
    "edit the persons": "update audit.event set persons = '{{}}' where event_id = {n} - 2",
    "delete": "delete from audit.event where event_id = {n} - 2",
    "truncate": "delete from audit.event where event_id > {n} - 2",
    "truncate the last": "delete from audit.event where event_id = {n}",
    "truncate all": "truncate audit.event",
    "reorder": """update audit.event e set reader = o.reader, at = o.at, persons = o.persons from audit.event o
                  where (e.event_id, o.event_id) in (({n} - 1, {n} - 2), ({n} - 2, {n} - 1))""",
    "edit, and make every hash anew": """do $$ declare e audit.event; before bytea; begin
        update audit.event set persons = '{{}}' where event_id = {n} - 2;
        for e in select * from audit.event order by event_id loop
            e.previous := coalesce(before, '\\x'); e.hash := audit.digest(e); before := e.hash;
            update audit.event set previous = e.previous, hash = e.hash where event_id = e.event_id;
        end loop; end $$""",
    "write one past the product": "select audit.record('wh_u_x', 'read', 'psql', 'none', '{{}}', 0)",
}


@pytest.mark.parametrize("what", IN_THE_DATABASE)
def test_what_is_done_to_the_database_is_noticed(kept: tuple[Settings, Path, psycopg.Connection], what: str) -> None:
    of, _, server = kept
    server.execute(IN_THE_DATABASE[what].format(n=last(server)).encode())
    assert "event" in broken(of) or "sink" in broken(of)


def _edited(lines: Lines) -> Lines:
    return [*lines[:-4], lines[-4].replace(b"a test", b"a joke"), *lines[-3:]]


IN_THE_FILE: dict[str, Callable[[Lines], Lines]] = {
    "edit": _edited,
    "edit the end": lambda lines: [*lines[:-2], lines[-2].replace(b"a test", b"a joke"), lines[-1]],
    "delete": lambda lines: [*lines[:-4], *lines[-3:]],
    "truncate": lambda lines: lines[:-2],
    "truncate more": lambda lines: lines[:-6],
    "truncate all": lambda lines: [],
    "tear": lambda lines: [*lines[:-1], lines[-1][:20]],
    "reorder": lambda lines: [*lines[:-4], lines[-2], lines[-1], lines[-4], lines[-3]],
    "add": lambda lines: [*lines, lines[-2]],
    "not JSON": lambda lines: [*lines, b"{}\n"],
}


@pytest.mark.parametrize("what", IN_THE_FILE)
def test_what_is_done_to_the_file_is_noticed(kept: tuple[Settings, Path, psycopg.Connection], what: str) -> None:
    of, path, _ = kept
    path.write_bytes(b"".join(IN_THE_FILE[what](path.read_bytes().splitlines(keepends=True))))
    assert "sink" in broken(of)


def test_the_file_is_gone(kept: tuple[Settings, Path, psycopg.Connection]) -> None:
    of, path, server = kept
    path.unlink()
    assert "gone" in broken(of)
    events = last(server)
    with pytest.raises(WellhouseError, match="nothing was read"):
        event(of, 1)
    assert last(server) == events, "an event that only one sink has is none"


@pytest.mark.parametrize("down", ["a folder is in its place", "it cannot be written"])
def test_no_sink_no_read(kept: tuple[Settings, Path, psycopg.Connection], down: str, tmp_path: Path) -> None:
    of, path, server = kept
    events = last(server)
    path.unlink()
    if down == "it cannot be written":
        path.symlink_to("/dev/full")
    else:
        path.mkdir()
    shown = subprocess.run(
        ["wellhouse", "record", "show", "1", "1", "--purpose", "a test"], capture_output=True, text=True
    )
    with pytest.raises(WellhouseError, match="nothing was read"):
        event(of, 1)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert last(server) == events
    path.unlink() if path.is_symlink() else path.rmdir()


def test_a_disk_that_is_full_half_way_through_a_line(kept: tuple[Settings, Path, psycopg.Connection]) -> None:
    of, path, server = kept
    before, events = path.read_bytes(), last(server)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))
    try:
        with pytest.raises(WellhouseError, match="nothing was read"):
            event(of, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (path.read_bytes(), last(server)) == (before, events)
    event(of, 1)
    assert trail.verify(of).events == events + 1


def test_killed_between_the_sinks_nothing_is_broken(kept: tuple[Settings, Path, psycopg.Connection]) -> None:
    of, _, server = kept
    Sink(of).append("event", {"event_id": last(server) + 1, "hash": "00"})
    assert trail.verify(of).interrupted == 1
    event(of, 11)
    found = trail.verify(of)
    assert found.events == last(server)


def test_a_new_sink_is_said_to_be_new(kept: tuple[Settings, Path, psycopg.Connection]) -> None:
    of, path, _ = kept
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(WellhouseError, match="torn"):
        event(of, 1)
    number = audit.begin(of, "the disk was full")
    event(of, 12)
    closed = path.with_name(f"trail.{number}.jsonl")
    assert closed.exists()
    assert "broken" in broken(of), "what was torn stays torn, in the file that was closed"
    closed.write_bytes(closed.read_bytes().rpartition(b"\n")[0] + b"\n")
    assert trail.verify(of).compared_from == number
    closed.unlink()
    assert "gone" in broken(of)


def _many(of: Settings) -> None:
    for person in range(1, 26):
        event(of, person)


def test_eight_processes_make_one_chain(stack: Settings) -> None:
    before = trail.verify(stack)
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=_many, args=(stack,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert trail.verify(stack).compared == before.compared + 200


def test_nobody_but_the_product_writes_or_changes_an_event(stack: Settings) -> None:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    statements = (
        "select audit.record('wh_u_x', 'read', 'psql', 'none', '{}', 0)",
        "update audit.event set purpose = ''", "delete from audit.event", "truncate audit.event",
        "drop table audit.event", "alter table audit.event disable trigger all",
        "insert into audit.event select * from audit.event limit 1",
    )  # fmt: skip
    services = ("wh_ingest", "wh_identity", "wh_transform", "wh_model", "wh_ops", "wh_access")
    readers = ("wh_u_analyst_hz", "wh_u_manager_hz", "wh_u_management", "wh_u_administrator", "wh_u_auditor")
    for role in (*services, *readers):
        with db.connect(role, stack) as connection:
            for statement in statements:
                connection.execute("set transaction read write")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
                connection.rollback()
    with db.connect("wh_audit", stack) as connection:
        for statement in statements[1:]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
            connection.rollback()


def test_questions(stack: Settings) -> None:
    person = 2**40 + 17
    number = event(stack, person, person + 1)
    command = ["wellhouse", "audit"]

    def ask(*words: str) -> Any:
        return json.loads(subprocess.run([*command, *words, "--json"], check=True, capture_output=True).stdout)

    (seen,) = ask("who-saw", str(person))
    assert (seen["event_id"], seen["reader"], seen["purpose"], seen["persons"]) == (number, READER, "a test", 2)
    assert number in [e["event_id"] for e in ask("by", "audit_test", "--since", "2020-01-01")]
    assert ask("by", "audit_test", "--since", "2099-01-01") == []
    assert ask("verify")["whole"] is True


@pytest.mark.parametrize("purpose", ["asked by 110101199003074514", "call 13812345678 back", "11010119900307451X"])
def test_a_purpose_is_words(stack: Settings, purpose: str) -> None:
    with pytest.raises(WellhouseError, match="person_key") as said:
        audit.record(stack, READER, action="read", path="test", purpose=purpose)
    assert purpose not in str(said.value)
    audit.record(stack, READER, action="read", path="test", purpose="person 8123456789012345 called")
