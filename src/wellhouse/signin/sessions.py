"""Sessions that end when the server says so: by sign-off, after idling, after a working day, by revocation."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

import psycopg
from psycopg import errors

from wellhouse import audit
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.signin import store

LONGEST = dt.timedelta(hours=9)

_LIVE = """
    update access.session s set seen_at = clock_timestamp() from access.reader r
    where s.token_hash = %s and s.ended_at is null and s.seen_at > clock_timestamp() - %s::interval
      and s.started_at > clock_timestamp() - %s::interval
      and r.username = s.username and r.revoked_at is null and now() < coalesce(r.valid_until, 'infinity')
      and (s.is_program or now() < r.review_due)
    returning s.username
"""


def begin(of: Settings, username: str, path: str, token: str | None = None, is_program: bool = False) -> str:
    """A new session of a reader who has shown both factors; returns what the client holds.

    :param path: where they signed in, for the audit trail
    :param token: unset, a fresh one; one that was used before begins nothing
    :param is_program: one of our own, which no overdue review and no lock-down stops
    :raises WellhouseError: not a reader, revoked, expired, unreviewed or locked out, or the token was used before
    """
    token = token or secrets.token_urlsafe(32)
    with store.connection(of) as connection:
        if _state(connection, username) not in ("active", *(["unreviewed", "locked"] if is_program else [])):
            raise WellhouseError("no reader of that name is cleared")
        try:
            connection.execute(
                "insert into access.session (token_hash, username, is_program) values (%s, %s, %s)",
                (_hash(token), username, is_program),
            )
        except errors.UniqueViolation:
            raise WellhouseError("this was used before") from None
        connection.execute("delete from access.session where started_at < clock_timestamp() - interval '30 days'")
    audit.record(of, audit.reader(username), action="sign_in", path=path, purpose="second factor shown")
    return token


def sight(of: Settings, username: str) -> str:
    """A word that stays the same as long as the same rows are open to this reader: sites, and who is restricted."""
    with store.connection(of) as connection:
        row = connection.execute("select access.sight(%s)", (username,)).fetchone()
    return str(row[0]) if row else ""


def state(of: Settings, username: str) -> str:
    """active, revoked, expired, locked (everybody is), unreviewed or unknown: only the first may begin a session."""
    with store.connection(of) as connection:
        return _state(connection, username)


def _state(connection: psycopg.Connection, username: str) -> str:
    row = connection.execute(
        """select case when revoked_at is not null then 'revoked'
                       when now() >= coalesce(valid_until, 'infinity') then 'expired'
                       when exists (select from access.lockdown where lifted_at is null) then 'locked'
                       when now() >= review_due then 'unreviewed' else 'active' end
           from access.reader where username = %s""",
        (username,),
    ).fetchone()
    return "unknown" if row is None else str(row[0])


def who(of: Settings, token: str | None) -> str | None:
    """Whose live session it is, which counts as activity; None: none that is."""
    if not token:
        return None
    idle = dt.timedelta(minutes=of.idle_minutes)
    with store.connection(of) as connection:
        connection.execute("set local synchronous_commit = off")
        row = connection.execute(_LIVE, (_hash(token), idle, LONGEST)).fetchone()
    return None if row is None else str(row[0])


def is_program(of: Settings, token: str | None) -> bool:
    """Whether it was begun by one of our own programs, which showed an assertion."""
    if not token:
        return False
    with store.connection(of) as connection:
        row = connection.execute(
            "select is_program from access.session where token_hash = %s", (_hash(token),)
        ).fetchone()
    return bool(row and row[0])


def end(of: Settings, token: str | None) -> None:
    if token:
        with store.connection(of) as connection:
            connection.execute(
                "update access.session set ended_at = clock_timestamp() where token_hash = %s", (_hash(token),)
            )


def end_all(of: Settings, username: str) -> int:
    """How many live ones there were."""
    with store.connection(of) as connection:
        return end_within(connection, username)


def end_within(connection: psycopg.Connection, username: str) -> int:
    """The same as a part of the caller's transaction."""
    return connection.execute(
        "update access.session set ended_at = clock_timestamp() where username = %s and ended_at is null", (username,)
    ).rowcount


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
