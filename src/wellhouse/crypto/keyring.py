"""Data keys, one a person, wrapped by the key-encryption key and kept outside the warehouse and its backups."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from wellhouse.crypto import envelope, kek
from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings

SYSTEM = "system"
BLIND_INDEX = "blind_index"
_BATCH = 500
_SCHEMA = """
create table if not exists data_key (
    key_id text primary key,
    kek_id text not null,
    wrapped blob not null,
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) without rowid;
create table if not exists kek (
    kek_id text primary key,
    since text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) without rowid
"""


@contextmanager
def usable() -> Iterator[None]:
    """
    :raises UnavailableError: SQLite could not do it: the file is damaged, or its disk is full
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise UnavailableError(f"the keystore cannot be used: {name} ({error})") from None


@dataclass(frozen=True)
class Status:
    """What the keystore holds; no key material."""

    keys: int
    kek_id: str
    under_other_kek: int
    provider: str
    kek_age_days: float
    """Since it wrapped its first key."""


class Keyring:
    """The keystore, open. Safe to use from several processes at once (SQLite WAL, a write transaction a batch)."""

    @usable()
    def __init__(self, connection: sqlite3.Connection, settings: Settings) -> None:
        self._connection = connection
        self._provider = kek.provider(settings)
        self._keks: dict[str, bytes] = {}
        self._fixed: dict[str, bytes] = {}
        self._kek = self._first()

    @classmethod
    def open(cls, settings: Settings) -> Keyring:
        """Open the keystore of this installation, made at first use (0600).

        :raises UnavailableError: the key-encryption key is not there, or is another one, while keys are wrapped by it;
            the file is damaged, or its disk is full
        """
        folder = settings.keystore
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "keystore.sqlite"
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        try:
            with usable():
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = full")
                connection.execute("pragma secure_delete = on")
                connection.executescript(_SCHEMA)
            return cls(connection, settings)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Keyring:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @usable()
    def create(self, count: int) -> list[tuple[str, bytes]]:
        """``count`` new data keys as (key id, key); on disk when this returns."""
        made = [(secrets.token_urlsafe(16), os.urandom(envelope.KEY_BYTES)) for _ in range(count)]
        self._insert(made)
        return made

    @usable()
    def data_keys(self, key_ids: Sequence[str]) -> dict[str, bytes]:
        """Keys by id. An id whose key was destroyed is absent."""
        found: dict[str, bytes] = {}
        for start in range(0, len(key_ids), _BATCH):
            batch = key_ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            rows = self._connection.execute(
                f"select key_id, kek_id, wrapped from data_key where key_id in ({marks})",  # noqa: S608 - only marks
                batch,
            )
            found.update({row[0]: self._unwrap(*row) for row in rows.fetchall()})
        return found

    @usable()
    def destroy(self, key_ids: Iterable[str]) -> int:
        """Forget these keys for good: what they sealed can never be opened again, in backups neither."""
        ids = [(key_id,) for key_id in key_ids]
        with self._exclusively():
            done = self._connection.executemany("delete from data_key where key_id = ?", ids).rowcount
        self._connection.execute("pragma wal_checkpoint(truncate)")
        return done

    @usable()
    def system_key(self) -> bytes:
        """The key for what belongs to no person: file headers, records whose person is unknown."""
        return self._fixed_key(SYSTEM)

    @usable()
    def blind_key(self) -> bytes:
        """The key of blind indexes and record keys. It never rotates: every lookup depends on it."""
        return self._fixed_key(BLIND_INDEX)

    @usable()
    def status(self) -> Status:
        self._current()
        current = kek.key_id(self._kek)
        total, other = self._connection.execute(
            "select count(*), count(*) filter (where kek_id <> ?) from data_key", (current,)
        ).fetchone()
        row = self._connection.execute("select since from kek where kek_id = ?", (current,)).fetchone()
        age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(row[0]) if row else dt.timedelta()
        return Status(int(total), current, int(other), self._provider.name, round(age / dt.timedelta(days=1), 2))

    @usable()
    def rotate(self) -> int:
        """Wrap every data key under a new key-encryption key; returns how many. Readers and loaders keep working.

        The old key stays readable at its provider until no data key is wrapped by it. Keys are wrapped anew a few at a
        time: whoever waits, waits for milliseconds. A rotation that was killed is finished by the next. After another
        provider was configured, this moves the key there.
        """
        self._known()
        self._provider.renew()
        wrapped = 0
        while batch := self._wrap_anew():
            wrapped += batch
        return wrapped

    def _wrap_anew(self) -> int:
        """A few of the keys that an older key-encryption key wraps; after the last of them that one is forgotten."""
        with self._exclusively():
            current = self._current()
            rows = self._connection.execute(
                "select key_id, kek_id, wrapped from data_key where kek_id <> ? limit ?", (kek.key_id(current), _BATCH)
            ).fetchall()
            self._connection.executemany(
                "update data_key set kek_id = ?, wrapped = ? where key_id = ?",
                [
                    (kek.key_id(current), envelope.seal(current, self._opened(*row), _aad(row[0])), row[0])
                    for row in rows
                ],
            )
            if not rows:
                # nobody inserts meanwhile, and whoever inserts next reads the new key first
                self._provider.forget()
        return len(rows)

    def _insert(self, keys: Sequence[tuple[str, bytes]]) -> None:
        with self._exclusively():
            current = self._current()
            kek_id = kek.key_id(current)
            rows = [(i, kek_id, envelope.seal(current, key, _aad(i))) for i, key in keys]
            self._connection.executemany(
                "insert into data_key (key_id, kek_id, wrapped) values (?, ?, ?) on conflict do nothing", rows
            )

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """A transaction in which nobody else writes."""
        self._connection.execute("begin immediate")
        with self._connection:
            yield

    def _fixed_key(self, name: str) -> bytes:
        if name not in self._fixed:
            found = self.data_keys([name])
            if not found:
                self._insert([(name, os.urandom(envelope.KEY_BYTES))])
                found = self.data_keys([name])
            self._fixed[name] = found[name]
        return self._fixed[name]

    def _unwrap(self, key_id: str, kek_id: str, wrapped: bytes) -> bytes:
        if kek_id not in self._keks:
            self._known()
        if kek_id not in self._keks:
            # wrapped anew between our reading it and our looking for the key that wrapped it
            again = self._connection.execute("select kek_id, wrapped from data_key where key_id = ?", (key_id,))
            kek_id, wrapped = again.fetchone() or (kek_id, wrapped)
        return self._opened(key_id, kek_id, wrapped)

    def _opened(self, key_id: str, kek_id: str, wrapped: bytes) -> bytes:
        if kek_id not in self._keks:
            self._known()
        try:
            return envelope.unseal(self._keks[kek_id], wrapped, _aad(key_id))
        except (KeyError, WellhouseError):
            name = self._provider.name
            raise UnavailableError(
                f"the keystore does not open with the key-encryption key that the provider `{name}` gives"
            ) from None

    def _current(self) -> bytes:
        """The key-encryption key in force, which may be a new one since we opened; the caller writes nothing else."""
        found = self._provider.load()
        if found is None:
            found = self._kek  # another provider was configured and has none yet: the next rotation moves there
        self._kek = found
        self._keks[kek.key_id(found)] = found
        self._connection.execute("insert or ignore into kek (kek_id) values (?)", (kek.key_id(found),))
        return found

    def _first(self) -> bytes:
        """The key in force when we open. One is made for an empty keystore only; a lost one is told."""
        found = self._provider.load()
        if found is None and not self._wrapping():
            with self._exclusively():  # of two that come first, one makes it
                if self._provider.load() is None and not self._wrapping():
                    self._provider.renew()
            found = self._provider.load()
        if found is not None:
            self._keks[kek.key_id(found)] = found
        for _ in range(3):  # a rotation may be under way
            missing = self._wrapping() - self._keks.keys()
            if not missing:
                break
            self._known()
        missing = self._wrapping() - self._keks.keys()
        if missing:
            what = "is another one" if found else "is lost"
            raise UnavailableError(
                f"the key-encryption key {what}: the provider `{self._provider.name}` does not have "
                f"{sorted(missing)[0]}, which keys of the keystore are wrapped by; see the runbook key_rotation"
            )
        return found if found is not None else self._keks[next(iter(self._wrapping()))]

    def _wrapping(self) -> set[str]:
        """The ids of the key-encryption keys that wrap anything."""
        return {row[0] for row in self._connection.execute("select distinct kek_id from data_key")}

    def _known(self) -> None:
        """Read those in force and on their way out."""
        found = self._provider.load()
        for each in (*self._provider.retired(), *([found] if found else [])):
            self._keks[kek.key_id(each)] = each


def check(connection: sqlite3.Connection, settings: Settings) -> int:
    """Whether a copy of the keystore opens, key by key; how many there are.

    :raises WellhouseError: one does not
    """
    with usable():
        connection.executescript(_SCHEMA)
        ring = Keyring(connection, settings)
        return len(ring.data_keys([row[0] for row in connection.execute("select key_id from data_key")]))


def _aad(key_id: str) -> bytes:
    return b"keystore|data_key|" + key_id.encode()
