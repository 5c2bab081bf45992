"""The second factor: time-based one-time codes (RFC 6238) and recovery codes, each good for one sign-in.

The secret is sealed under the system's key; of recovery codes only slow hashes are kept. Wrong answers, to a password
or a code, are counted by reader and lock for a while.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

import psycopg
import pyotp

from wellhouse import audit
from wellhouse.crypto import envelope
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.signin import sessions, store

ISSUER = "Wellhouse"
STEP_S = 30
DRIFT = 1
"""Steps that a clock may be off, either way."""
RECOVERY_CODES = 10
MOST_FAILURES = 10
LOCKED_MINUTES = 15
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class Enrolment:
    """What is shown once, while a reader makes their factor."""

    secret: str
    uri: str

    @property
    def mark(self) -> str:
        """By which a browser's session remembers that it was shown this secret, and does not hold it."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def confirmed(of: Settings, username: str) -> bool:
    with store.connection(of) as connection:
        row = connection.execute(
            "select confirmed_at is not null from access.second_factor where username = %s", (username,)
        ).fetchone()
    return bool(row and row[0])


def enrol(of: Settings, username: str, shown: str | None = None) -> Enrolment:
    """Begin: a new secret, in place of one that was not confirmed, unless it is the one that this browser was shown.

    Shown to anybody else, somebody with the first password could copy it and wait until its owner confirms it.

    :param shown: the mark of the secret that this browser was shown last
    :raises WellhouseError: there is a factor already, or the time to make one is over
    """
    with store.connection(of) as connection, Keyring.open(of) as keyring:
        _may_enrol(connection, username)
        present = _enrolment(connection, keyring, username)
        if present is not None and present.mark == shown:
            return present
        sealed = envelope.seal(keyring.system_key(), pyotp.random_base32().encode(), _aad(username))
        connection.execute(
            """insert into access.second_factor as f (username, sealed) values (%s, %s)
               on conflict (username) do update set sealed = excluded.sealed where f.confirmed_at is null""",
            (username, sealed),
        )
        _may_enrol(connection, username)  # somebody may have confirmed theirs meanwhile
        made = _enrolment(connection, keyring, username)
    assert made is not None
    return made


def confirm(of: Settings, username: str, code: str) -> list[str] | None:
    """End it: the first code proves that the secret arrived. The recovery codes, shown this once; None: wrong."""
    with store.connection(of) as connection, Keyring.open(of) as keyring:
        _may_enrol(connection, username)
        if _locked(connection, username):
            return None
        if not _is_code(connection, keyring, username, code):
            _failed(connection, username)
            return None
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        connection.execute(
            "update access.second_factor set confirmed_at = clock_timestamp() where username = %s", (username,)
        )
        connection.execute("delete from access.recovery_code where username = %s", (username,))
        connection.cursor().executemany(
            "insert into access.recovery_code (username, hash) values (%s, %s)",
            [(username, _slow_hash(username, c)) for c in codes],
        )
    audit.record(of, audit.reader(username), action="enrol", path="sign-in", purpose="second factor made")
    return codes


def verify(of: Settings, username: str, answer: str) -> bool:
    """A code of this moment or an unused recovery code; either is used up. False while the reader is locked."""
    with store.connection(of) as connection, Keyring.open(of) as keyring:
        known = connection.execute(
            "select from access.second_factor where username = %s and confirmed_at is not null for update", (username,)
        ).fetchone()
        if known is None or _locked(connection, username):
            return False
        if _is_code(connection, keyring, username, answer) or _is_recovery_code(connection, username, answer):
            connection.execute("delete from access.failed_sign_in where username = %s", (username,))
            return True
        _failed(connection, username)
        return False


def locked(of: Settings, username: str) -> bool:
    with store.connection(of) as connection:
        return _locked(connection, username)


def failed(of: Settings, username: str) -> None:
    """Count a wrong password."""
    with store.connection(of) as connection:
        _failed(connection, username)


def reset(of: Settings, username: str) -> None:
    """Forget the factor, end the sessions, and let the reader make a new one for two weeks.

    :raises WellhouseError: there is no such reader
    """
    with store.connection(of) as connection:
        found = connection.execute(
            "update access.reader set enrol_until = clock_timestamp() + interval '14 days' where username = %s",
            (username,),
        )
        if not found.rowcount:
            raise WellhouseError(f"there is no reader {username}")
        connection.execute("delete from access.second_factor where username = %s", (username,))
        connection.execute("delete from access.failed_sign_in where username = %s", (username,))
        sessions.end_within(connection, username)
    audit.record(of, audit.operator(), action="reset_factor", path="cli", purpose=username)


def _may_enrol(connection: psycopg.Connection, username: str) -> None:
    row = connection.execute(
        """select f.confirmed_at is not null, r.enrol_until > clock_timestamp()
           from access.reader r left join access.second_factor f using (username) where username = %s""",
        (username,),
    ).fetchone()
    if row is None or row[0] or not row[1]:
        raise WellhouseError("this account may make no second factor now: ask an administrator to reset it")


def _enrolment(connection: psycopg.Connection, keyring: Keyring, username: str) -> Enrolment | None:
    if connection.execute("select from access.second_factor where username = %s", (username,)).fetchone() is None:
        return None
    secret = _secret(connection, keyring, username)
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER))


def _secret(connection: psycopg.Connection, keyring: Keyring, username: str) -> str:
    row = connection.execute("select sealed from access.second_factor where username = %s", (username,)).fetchone()
    if row is None:
        raise WellhouseError("there is no second factor")
    return envelope.unseal(keyring.system_key(), bytes(row[0]), _aad(username)).decode()


def _is_code(connection: psycopg.Connection, keyring: Keyring, username: str, answer: str) -> bool:
    """Right for one of the steps around now, later than any that was used."""
    digits = answer.replace(" ", "")
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return False
    totp, now = pyotp.TOTP(_secret(connection, keyring, username)), int(time.time()) // STEP_S
    for step in range(now - DRIFT, now + DRIFT + 1):
        if secrets.compare_digest(totp.generate_otp(step), digits):
            used = connection.execute(
                "update access.second_factor set last_step = %s where username = %s and last_step < %s",
                (step, username, step),
            )
            if used.rowcount:
                return True
    return False


def _is_recovery_code(connection: psycopg.Connection, username: str, answer: str) -> bool:
    code = answer.strip().upper().replace("-", "").replace(" ", "")
    if len(code) != 12:
        return False
    return bool(
        connection.execute(
            """update access.recovery_code set used_at = clock_timestamp()
               where username = %s and hash = %s and used_at is null""",
            (username, _slow_hash(username, code)),
        ).rowcount
    )


def _recovery_code() -> str:
    """60 bits, in three groups that a person can copy from paper."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))


def _slow_hash(username: str, code: str) -> bytes:
    return hashlib.scrypt(code.replace("-", "").encode(), salt=f"wellhouse|{username}".encode(), n=2**14, r=8, p=1)


def _locked(connection: psycopg.Connection, username: str) -> bool:
    row = connection.execute(
        "select locked_until > clock_timestamp() from access.failed_sign_in where username = %s", (username,)
    ).fetchone()
    return bool(row and row[0])


def _failed(connection: psycopg.Connection, username: str) -> None:
    """One more; at the limit the reader is locked and the count begins anew. Names nobody knows are not kept."""
    connection.execute(
        """insert into access.failed_sign_in as f (username, failures)
           select username, 1 from access.reader where username = %(username)s
           on conflict (username) do update set
               failures = case when f.failures + 1 >= %(most)s then 0 else f.failures + 1 end,
               locked_until = case when f.failures + 1 >= %(most)s
                              then clock_timestamp() + make_interval(mins => %(minutes)s) else f.locked_until end""",
        {"username": username, "most": MOST_FAILURES, "minutes": LOCKED_MINUTES},
    )


def _aad(username: str) -> bytes:
    return f"access.second_factor|sealed|{username}".encode()
