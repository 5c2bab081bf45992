"""Data keys, one a person, wrapped by the key-encryption key and kept outside the warehouse and its backups."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
                f"select key_id, wrapped from data_key where key_id in ({marks})",  # noqa: S608 - only marks
                batch,
            )
            found.update({key_id: self._unwrap(key_id, wrapped) for key_id, wrapped in rows})
        return found

    def destroy(self, key_ids: Iterable[str]) -> int:
        """Forget these keys for good: what they sealed can never be opened again, in backups neither."""
        ids = [(key_id,) for key_id in key_ids]
        with self._connection:
            self._connection.execute("begin immediate")
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
        total, other = self._connection.execute(
            "select count(*), count(*) filter (where kek_id <> ?) from data_key", (_kek_id(self._kek),)
        ).fetchone()
        return Status(int(total), _kek_id(self._kek), int(other))

    def rotate(self) -> int:
        """Wrap every data key under a new key-encryption key; returns how many. Readers meanwhile keep working.

        The new key is on disk before the first re-wrap and takes the old one's place after the last: a crash between
        leaves both, and the next open re-reads whichever is in force.
        """
        new = secrets.token_urlsafe(32)
        kek = _key(new)
        with self._connection:
            self._connection.execute("begin immediate")
            rows = self._connection.execute("select key_id, wrapped from data_key").fetchall()
            rewrapped = [(_kek_id(kek), envelope.seal(kek, self._unwrap(i, w), _aad(i)), i) for i, w in rows]
            self._connection.executemany("update data_key set kek_id = ?, wrapped = ? where key_id = ?", rewrapped)
            path = self._settings.var / "secrets" / "kek"
            previous = path.with_name("kek_previous")
            files.replace(previous, path.read_bytes())
            files.replace(path, new.encode())
        self._kek = kek
        return len(rewrapped)

    def _insert(self, keys: Sequence[tuple[str, bytes]]) -> None:
        kek_id = _kek_id(self._kek)
        rows = [(i, kek_id, envelope.seal(self._kek, key, _aad(i))) for i, key in keys]
        with self._connection:
            self._connection.execute("begin immediate")
            self._connection.executemany(
                "insert into data_key (key_id, kek_id, wrapped) values (?, ?, ?) on conflict do nothing", rows
            )

    def _fixed_key(self, name: str) -> bytes:
        if name not in self._fixed:
            found = self.data_keys([name])
            if not found:
                self._insert([(name, os.urandom(envelope.KEY_BYTES))])
                found = self.data_keys([name])
            self._fixed[name] = found[name]
        return self._fixed[name]

    def _unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        try:
            return envelope.unseal(self._kek, wrapped, _aad(key_id))
        except WellhouseError:
            pass
        # another process rotated since we opened, or died between the two halves of a rotation
        for name in ("kek", "kek_previous"):
            path = self._settings.var / "secrets" / name
            if path.exists():
                kek = _key(path.read_text().strip())
                try:
                    return envelope.unseal(kek, wrapped, _aad(key_id))
                except WellhouseError:
                    continue
        raise WellhouseError("the keystore does not open with this installation's key-encryption key (secrets/kek)")


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
