"""Sealed audio in an fsspec store: a folder under ``var`` or S3, by setting.

A key of its own for each recording, wrapped by the data key of the person who speaks: destroy that key and the audio is
noise, wherever it was copied to.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from wellhouse.crypto import envelope, stream
from wellhouse.crypto.vault import Person
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings


@dataclass(frozen=True)
class Stored:
    """A recording in the store; ``sha256`` and ``size`` are of the audio itself."""

    name: str
    sealed_key: bytes
    sha256: str
    size: int


class Store:
    """Where sealed audio is kept."""

    def __init__(self, settings: Settings) -> None:
        import fsspec  # only where there is audio: the start of a load is long enough

        url = settings.recordings_url or f"file://{settings.var / 'recordings'}"
        self._files, self._root = fsspec.core.url_to_fs(url)
        if not settings.recordings_url:
            (settings.var / "recordings").mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, audio: IO[bytes], name: str, person: Person) -> Stored:
        """Seal the audio under a new key; it is durable when this returns."""
        key, digest = os.urandom(envelope.KEY_BYTES), hashlib.sha256()
        path = self._path(name)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self._files.open(path, "wb") as target:
            size = stream.seal(key, audio, target, _aad(name), digest.update)
            _to_disk(target)
        return Stored(name, envelope.seal(person.key, key, _key_aad(name, person.key_id)), digest.hexdigest(), size)

    def read(self, name: str, sealed_key: bytes, person: Person) -> Iterator[bytes]:
        """The audio, a verified chunk at a time.

        :raises WellhouseError: another person's key, changed or missing bytes
        """
        key = self._key(name, sealed_key, person)
        with self._open(name) as source:
            yield from stream.unseal(key, source, _aad(name))

    def read_range(
        self, name: str, sealed_key: bytes, person: Person, size: int, start: int, stop: int
    ) -> Iterator[bytes]:
        """A stretch of the audio, whose whole size is ``size``; raises as :meth:`read`."""
        key = self._key(name, sealed_key, person)
        with self._open(name) as source:
            yield from stream.unseal_range(key, source, _aad(name), size, start, stop)

    def _key(self, name: str, sealed_key: bytes, person: Person) -> bytes:
        return envelope.unseal(person.key, sealed_key, _key_aad(name, person.key_id))

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._files.open(self._path(name), "rb")  # type: ignore[no-any-return]
        except FileNotFoundError:
            raise WellhouseError("the sealed audio is not in the store") from None

    def delete(self, names: list[str]) -> int:
        """Those that were there."""
        there = [path for name in names if self._files.exists(path := self._path(name))]
        for path in there:
            self._files.rm_file(path)
        return len(there)

    def names(self, older_than: dt.timedelta) -> list[str]:
        """What has been in the store that long."""
        self._files.invalidate_cache()
        found = self._files.find(self._root) if self._files.exists(self._root) else []
        until = dt.datetime.now(dt.UTC) - older_than
        old = [path for path in found if self._files.modified(path) <= until]
        return [path.removeprefix(self._root).lstrip("/") for path in old]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def reseal_key(name: str, sealed_key: bytes, owner: Person, heir: Person) -> bytes:
    """The key of a recording, taken out of one person's hands and put into another's; the audio stays as it is."""
    key = envelope.unseal(owner.key, sealed_key, _key_aad(name, owner.key_id))
    return envelope.seal(heir.key, key, _key_aad(name, heir.key_id))


def _to_disk(target: Any) -> None:
    """A local file is flushed to its disk; an object store keeps what it has acknowledged."""
    target.flush()
    with suppress(io.UnsupportedOperation):
        os.fsync(target.fileno())


def _aad(name: str) -> bytes:
    return b"recordings|audio|" + name.encode()


def _key_aad(name: str, key_id: str) -> bytes:
    return f"vault.audio_key|sealed_key|{name}|{key_id}".encode()
