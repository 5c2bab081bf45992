"""Data keys, one a person, wrapped by the key-encryption key and kept outside the warehouse and its backups."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wellhouse import files
from wellhouse.crypto import envelope
from wellhouse.errors import WellhouseError
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
) without rowid
"""


@dataclass(frozen=True)
class Status:
    """What the keystore holds; no key material."""

    keys: int
    kek_id: str
    under_other_kek: int


class Keyring:
    """The keystore, open. Safe to use from several processes at once (SQLite WAL, a write transaction a batch)."""

    def __init__(self, connection: sqlite3.Connection, kek: bytes, settings: Settings) -> None:
        self._connection = connection
        self._kek = kek
        self._keks = {_kek_id(kek): kek}
        self._settings = settings
        self._fixed: dict[str, bytes] = {}

    @classmethod
    def open(cls, settings: Settings) -> Keyring:
        """Open the keystore of this installation, made at first use (0600)."""
        folder = settings.keystore
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "keystore.sqlite"
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        connection.execute(_SCHEMA)
        return cls(connection, _key(settings.secret("kek")), settings)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Keyring:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, count: int) -> list[tuple[str, bytes]]:
        """``count`` new data keys as (key id, key); on disk when this returns."""
        made = [(secrets.token_urlsafe(16), os.urandom(envelope.KEY_BYTES)) for _ in range(count)]
        self._insert(made)
        return made

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

    def destroy(self, key_ids: Iterable[str]) -> int:
        """Forget these keys for good: what they sealed can never be opened again, in backups neither."""
        ids = [(key_id,) for key_id in key_ids]
        with self._exclusively():
            done = self._connection.executemany("delete from data_key where key_id = ?", ids).rowcount
        self._connection.execute("pragma wal_checkpoint(truncate)")
        return done

    def system_key(self) -> bytes:
        """The key for what belongs to no person: file headers, records whose person is unknown."""
        return self._fixed_key(SYSTEM)

    def blind_key(self) -> bytes:
        """The key of blind indexes and record keys. It never rotates: every lookup depends on it."""
        return self._fixed_key(BLIND_INDEX)

    def status(self) -> Status:
        self._current()
        total, other = self._connection.execute(
            "select count(*), count(*) filter (where kek_id <> ?) from data_key", (_kek_id(self._kek),)
        ).fetchone()
        return Status(int(total), _kek_id(self._kek), int(other))

    def rotate(self) -> int:
        """Wrap every data key under a new key-encryption key; returns how many. Readers and loaders keep working.

        The old key stays readable as ``secrets/kek_<id>`` until no data key is wrapped by it. Keys are wrapped anew a
        few at a time: whoever waits, waits for milliseconds. A rotation that was killed is finished by the next.
        """
        self._keks |= self._on_disk()
        old = (self._secrets / "kek").read_bytes()
        files.replace(self._secrets / f"kek_{_kek_id(_key(old.decode().strip()))}", old)
        files.replace(self._secrets / "kek", secrets.token_urlsafe(32).encode())
        wrapped = 0
        while batch := self._wrap_anew():
            wrapped += batch
        return wrapped

    def _wrap_anew(self) -> int:
        """A few of the keys that an older key-encryption key wraps; after the last of them that one is forgotten."""
        with self._exclusively():
            kek = self._current()
            rows = self._connection.execute(
                "select key_id, kek_id, wrapped from data_key where kek_id <> ? limit ?", (_kek_id(kek), _BATCH)
            ).fetchall()
            self._connection.executemany(
                "update data_key set kek_id = ?, wrapped = ? where key_id = ?",
                [(_kek_id(kek), envelope.seal(kek, self._opened(*row), _aad(row[0])), row[0]) for row in rows],
            )
            if not rows:
                # nobody inserts meanwhile, and whoever inserts next reads the new key first
                for retired in self._secrets.glob("kek_*"):
                    retired.unlink()
        return len(rows)

    def _insert(self, keys: Sequence[tuple[str, bytes]]) -> None:
        with self._exclusively():
            kek = self._current()
            rows = [(i, _kek_id(kek), envelope.seal(kek, key, _aad(i))) for i, key in keys]
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
            self._keks |= self._on_disk()
        if kek_id not in self._keks:
            # wrapped anew between our reading it and our looking for the key that wrapped it
            again = self._connection.execute("select kek_id, wrapped from data_key where key_id = ?", (key_id,))
            kek_id, wrapped = again.fetchone() or (kek_id, wrapped)
        return self._opened(key_id, kek_id, wrapped)

    def _opened(self, key_id: str, kek_id: str, wrapped: bytes) -> bytes:
        if kek_id not in self._keks:
            self._keks |= self._on_disk()
        try:
            return envelope.unseal(self._keks[kek_id], wrapped, _aad(key_id))
        except (KeyError, WellhouseError):
            raise WellhouseError(
                "the keystore does not open with this installation's key-encryption key (secrets/kek)"
            ) from None

    def _current(self) -> bytes:
        """The key-encryption key in force, which may be a new one since we opened."""
        self._kek = _key(self._settings.secret("kek"))
        self._keks[_kek_id(self._kek)] = self._kek
        return self._kek

    def _on_disk(self) -> dict[str, bytes]:
        """Those in force and on their way out, by id."""
        found: dict[str, bytes] = {}
        for path in self._secrets.glob("kek*"):
            with suppress(FileNotFoundError):  # forgotten this very moment
                kek = _key(path.read_text().strip())
                found[_kek_id(kek)] = kek
        return found

    @property
    def _secrets(self) -> Path:
        return self._settings.var / "secrets"


def check(connection: sqlite3.Connection, settings: Settings) -> int:
    """Whether a copy of the keystore opens, key by key; how many there are.

    :raises WellhouseError: one does not
    """
    ring = Keyring(connection, _key(settings.secret("kek")), settings)
    return len(ring.data_keys([row[0] for row in connection.execute("select key_id from data_key")]))


def _key(secret: str) -> bytes:
    """The 256 bits behind a URL-safe secret."""
    raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    if len(raw) != envelope.KEY_BYTES:
        raise WellhouseError("secrets/kek is not 32 bytes in URL-safe base64")
    return raw


def _kek_id(kek: bytes) -> str:
    return hashlib.sha256(b"wellhouse kek id" + kek).hexdigest()[:16]


def _aad(key_id: str) -> bytes:
    return b"keystore|data_key|" + key_id.encode()
