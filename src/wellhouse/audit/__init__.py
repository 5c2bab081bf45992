"""The audit trail: one event in two sinks, or nothing happens.

The first sink is ``audit.event`` (``infra/postgres/audit.sql``), which only ``wh_audit`` may append to; the second is
a file with a chain of its own (:mod:`wellhouse.audit.sink`), on its disk before the event is committed. No audit, no
read: callers record first and let a failure propagate. An event is never undone by what its caller does afterwards.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable
from typing import Any

import psycopg

from wellhouse import db
from wellhouse.audit import syslog
from wellhouse.audit.sink import Sink
from wellhouse.audit.writer import writer
from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings

_PERSONAL = re.compile(r"(?<!\d)(?:\d{17}[\dXx]|1[3-9]\d{9})(?!\d)")
"""An ID number or a mobile number: a purpose is words."""


def operator() -> str:
    """Who acts on the command line: ``os:<login>``, by the process's user id, which no environment variable changes."""
    try:
        return f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"os:{os.getuid()}"


def reader(username: str | None) -> str:
    """Who reads: the reader of that name, or without one whoever runs the command.

    :raises WellhouseError: no username of a reader
    """
    try:
        return db.reader_role(username) if username is not None else operator()
    except ValueError as error:
        raise WellhouseError(str(error)) from None


def record(
    of: Settings,
    who: str,
    *,
    action: str,
    path: str,
    purpose: str,
    persons: Iterable[int] = (),
    rows: int | None = None,
) -> int:
    """Record this read, or this change, or refuse it: the event's number, durable in both sinks when this returns.

    Call it before the first identified byte is read, and before a change is committed.

    :param who: :func:`reader` of a username, or :func:`operator`
    :param action: what is done, ``read``, ``export``, ``grant`` …
    :param path: over which path, ``summary``, ``cli``, ``superset`` …
    :param purpose: why, in the reader's words or the command's name; never a personal value
    :param persons: ``person_key`` of those whose identified data is read
    :param rows: how many rows are read
    :raises UnavailableError: either sink did not take the event
    :raises WellhouseError: the purpose holds an ID or phone number
    """
    if _PERSONAL.search(purpose):
        raise WellhouseError("the purpose holds what looks like an ID or phone number: name the person by person_key")
    values = (who, action, path, purpose, list(dict.fromkeys(persons)), rows)
    try:
        with writer(of) as connection:
            return _append(of, connection, Sink(of), values)
    except (psycopg.Error, OSError, ValueError, KeyError) as error:
        raise UnavailableError(f"nothing was read: the audit trail took no event ({type(error).__name__})") from None


def begin(of: Settings, purpose: str) -> int:
    """Start the second sink, or a new one when the old one was lost or damaged; the old one is kept beside it."""
    with writer(of) as connection:
        event = _insert(connection, (operator(), "begin", "sink", purpose, [], None))
        Sink(of).begin(event)
        connection.commit()
        return int(event["event_id"])


def _append(of: Settings, connection: psycopg.Connection, sink: Sink, values: tuple[Any, ...]) -> int:
    event = _insert(connection, values)
    syslog.send(of, sink.append("event", event))
    connection.commit()
    # so that an event that is missing later is known to have been there
    sink.append("committed", {"event_id": event["event_id"]}, durable=False)
    return int(event["event_id"])


def _insert(connection: psycopg.Connection, values: tuple[Any, ...]) -> dict[str, Any]:
    row = connection.execute(
        """select to_jsonb(e) - 'previous' || jsonb_build_object('hash', encode(e.hash, 'hex'))
           from audit.record(%s, %s, %s, %s, %s::bigint[], %s) e""",
        values,
    ).fetchone()
    assert row is not None
    return dict(row[0])
