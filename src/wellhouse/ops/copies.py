"""Sealed copies of what is not in the database: the keystore, recordings, originals, the audit's
second sink, files and messages that wait.

They are kept beside each repository's backups, each file under a key of its own derived from the repository's
(HMAC-SHA256 over a salt and the name), as an authenticated stream. The keystore's copies have another key and a short
life, so that a key that was destroyed is soon gone from them, too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import io
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec

from wellhouse import files
from wellhouse.crypto import keyring, stream
from wellhouse.errors import WellhouseError
from wellhouse.ops import pgbackrest
from wellhouse.settings import Settings

KEYSTORE = "keystore"
FILES = "files"
_MAGIC = b"WHC1"
_SALT_BYTES = 16
_LASTING = ("recordings", "originals")
"""What stays until somebody is erased or a term ends; the other areas change, and their earlier copies go."""
_WAITING = ("inbox", "mllp", "audit")
_FEW = 10
_DRAFT = ".part"


@dataclass(frozen=True)
class Copy:
    """One sealed copy in one repository."""

    repo: int
    name: str
    at: int
    bytes: int


@dataclass(frozen=True)
class Done:
    """What a run copied and removed."""

    copied: int
    removed: int
    bytes: int


@contextmanager
def _answering() -> Iterator[None]:
    """
    :raises WellhouseError: a store in S3 does not answer, or refuses; its client's errors are no ``OSError``
    """
    try:
        yield
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError  # slow to come up, and mostly not needed

        if not isinstance(error, BotoCoreError | ClientError):
            raise
        # its type only: the address may hold a file's name
        raise WellhouseError(f"the store in S3 does not answer, or refuses: {type(error).__name__}") from None


@dataclass(frozen=True)
class Restored:
    """Files by the repository they came from, how many came from none, and which copies did not open."""

    counts: dict[int, int]
    missing: int
    failed: list[str]


class Copies:
    """The copies of one kind in one repository."""

    def __init__(self, settings: Settings, repo: int, kind: str) -> None:
        where = pgbackrest.place(settings, repo)
        url = where if where.startswith("s3://") else f"file://{where}"
        self._fs, root = fsspec.core.url_to_fs(f"{url}/copies/{kind}")
        self._root = root.rstrip("/")
        self._repo, self._kind = repo, kind
        name = f"keystore_copy_repo{repo}" if kind == KEYSTORE else f"backup_repo{repo}"
        self._key = settings.secret(name).encode()

    @_answering()
    def put(self, name: str, source: IO[bytes]) -> int:
        """Seal ``source`` as ``name``; it is there complete or not at all. Returns the bytes read."""
        path, salt = f"{self._root}/{name}", os.urandom(_SALT_BYTES)
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        local = "file" in self._protocols
        draft = f"{path}{_DRAFT}" if local else path
        with self._fs.open(draft, "wb") as target:
            target.write(_MAGIC + salt)
            size = stream.seal(self._derived(salt, name), source, target, self._aad(name))
            if local:
                target.flush()
                os.fsync(target.fileno())
        if local:
            Path(draft).chmod(0o600)
            Path(draft).replace(path)
        return size

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a copy, verified.

        :raises WellhouseError: it was changed, cut off, or sealed under another key
        """
        with _answering(), self._fs.open(f"{self._root}/{name}", "rb") as source:
            if source.read(len(_MAGIC)) != _MAGIC:
                raise WellhouseError(f"repository {self._repo}: the copy {self._kind}/{_short(name)} is damaged")
            salt = source.read(_SALT_BYTES)
            try:
                yield from stream.unseal(self._derived(salt, name), source, self._aad(name))
            except WellhouseError:
                copy = f"{self._kind}/{_short(name)}"
                raise WellhouseError(
                    f"repository {self._repo}: the copy {copy} does not open: damaged, or another key"
                ) from None

    @_answering()
    def listed(self) -> list[Copy]:
        """Every copy, oldest first."""
        self._fs.invalidate_cache()
        if not self._fs.exists(self._root):
            return []
        found = self._fs.find(self._root, detail=True)
        rows = [
            Copy(self._repo, path.removeprefix(self._root).lstrip("/"), _modified(info), int(info["size"]))
            for path, info in found.items()
            if not path.endswith(_DRAFT)
        ]
        return sorted(rows, key=lambda c: (c.at, c.name))

    @_answering()
    def clear(self, older_s: float) -> None:
        """Remove what whoever was killed while writing left, if nobody has written it for so long."""
        drafts = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
        for path, info in drafts.items():
            if path.endswith(_DRAFT) and _modified(info) <= dt.datetime.now(dt.UTC).timestamp() - older_s:
                self._fs.rm_file(path)

    @_answering()
    def remove(self, name: str) -> None:
        self._fs.rm_file(f"{self._root}/{name}")

    @property
    def _protocols(self) -> tuple[str, ...]:
        named = self._fs.protocol
        return (named,) if isinstance(named, str) else tuple(named)

    def _derived(self, salt: bytes, name: str) -> bytes:
        return hmac.new(self._key, salt + self._aad(name), hashlib.sha256).digest()

    def _aad(self, name: str) -> bytes:
        return f"copies|{self._kind}|{name}".encode()


def copy_keystore(settings: Settings, repo: int, only: bool = False) -> Copy | None:
    """A copy of the keystore as it is now; copies past their days go. None: there is no keystore yet.

    :param only: let every earlier copy go at once, after a key was destroyed
    """
    path = settings.keystore / "keystore.sqlite"
    if not path.exists():
        return None
    copies = Copies(settings, repo, KEYSTORE)
    with (
        keyring.usable(),
        closing(sqlite3.connect(path, timeout=60)) as source,
        closing(sqlite3.connect(":memory:")) as memory,
    ):
        source.backup(memory)
        content = bytearray(memory.serialize())
    content[18:20] = b"\x01\x01"  # the file format's version numbers: no write-ahead log beside it
    now = dt.datetime.now(dt.UTC)
    name = now.strftime("%Y%m%dT%H%M%S.%fZ")
    copies.put(name, io.BytesIO(content))
    for old in _surplus([c for c in copies.listed() if c.name != name], now, settings.keystore_keep_days, only):
        copies.remove(old.name)
    return Copy(repo, name, int(now.timestamp()), len(content))


def renew_keystore(settings: Settings) -> list[str]:
    """One new copy in each repository and none from before, after keys were destroyed or wrapped anew.

    Where that failed, one line says so: the work is done all the same, and the next copy tries again.
    """
    failed = []
    for number in pgbackrest.REPOSITORIES:
        try:
            copy_keystore(settings, number, only=True)
        except (OSError, WellhouseError) as error:
            failed.append(f"the keystore's copies in repository {number} are still the old ones: {error}")
    return failed


def _surplus(old: list[Copy], now: dt.datetime, days: int, only: bool) -> list[Copy]:
    """All past their days; of the others the last 20 and the last of each hour stay."""
    since = int(now.timestamp()) - days * 86400
    kept = {c.at // 3600: c for c in old if c.at >= since and not only}
    recent = [] if only else [c for c in old if c.at >= since][-20:]
    return [c for c in old if c not in recent and kept.get(c.at // 3600) != c]


def restore_keystore(settings: Settings, repos: Sequence[int], into: Path) -> tuple[Copy, list[str]]:
    """Write the newest copy that is whole as SQLite, every data key still wrapped; which it is, and what failed.

    :raises WellhouseError: there is none
    """
    found, failed = _listed(settings, repos, KEYSTORE)
    for copy in sorted((c for rows in found.values() for c in rows), key=lambda c: (c.name, -c.repo), reverse=True):
        try:
            with _opened(settings, copy) as memory:
                content = memory.serialize()
        except (OSError, WellhouseError) as error:
            failed.append(str(error))
            continue
        into.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.replace(into, content)
        return copy, failed
    raise WellhouseError("; ".join(["there is no copy of the keystore that is whole in any repository", *failed]))


@contextmanager
def _opened(settings: Settings, copy: Copy) -> Iterator[sqlite3.Connection]:
    """
    :raises WellhouseError: it does not open, or was no whole keystore when it was copied
    """
    content = b"".join(Copies(settings, copy.repo, KEYSTORE).read(copy.name))
    with keyring.usable(), closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        memory.deserialize(content)
        if memory.execute("pragma integrity_check").fetchone() != ("ok",):
            raise WellhouseError(f"repository {copy.repo}: the keystore's copy {copy.name} is no whole database")
        yield memory


def verify_keystore(settings: Settings, repo: int) -> list[str]:
    """What is wrong with the newest copy: it opens, is whole, and today's key-encryption key opens every key in it."""
    copies = Copies(settings, repo, KEYSTORE).listed()
    if not copies:
        return ["there is no copy of the keystore"] if (settings.keystore / "keystore.sqlite").exists() else []
    try:
        with _opened(settings, copies[-1]) as memory:
            keyring.check(memory, settings)
    except WellhouseError as error:
        return [str(error)]
    return []


@_answering()
def copy_files(settings: Settings, repo: int) -> Done:
    """Copy what is new; let go what is no longer there: at once what lasts, after the keystore's days what was waiting.

    :raises WellhouseError: more than half of what lasts has vanished: nothing was removed
    """
    copies = Copies(settings, repo, FILES)
    there = {c.name: c for c in copies.listed()}
    now = dt.datetime.now(dt.UTC).timestamp()
    copied = size = removed = 0
    wanted: set[str] = set()
    for area in (*_LASTING, *_WAITING):
        fs, root = _source(settings, area)
        fs.invalidate_cache()
        for path, info in (fs.find(root, detail=True) if fs.exists(root) else {}).items():
            relative = path.removeprefix(root).lstrip("/")
            if relative.rpartition("/")[2].startswith("."):
                continue
            name = _name(area, relative, info)
            wanted.add(name)
            if name not in there:
                try:
                    with fs.open(path, "rb") as source:
                        size += copies.put(name, source)
                except FileNotFoundError:  # landed this very moment
                    continue
                copied += 1
    lasting = [n for n in there if n.startswith(_LASTING)]
    vanished = [n for n in lasting if n not in wanted]
    if len(vanished) > max(_FEW, len(lasting) // 2):
        raise WellhouseError(
            f"{len(vanished)} of {len(lasting)} recordings and originals have vanished: their copies in "
            f"repository {repo} were kept; see the runbook backup_restore"
        )
    waited = [
        n for n, c in there.items()
        if n.startswith(_WAITING) and n not in wanted and c.at < now - settings.keystore_keep_days * 86400
    ]  # fmt: skip
    for name in (*vanished, *waited):
        copies.remove(name)
        removed += 1
    return Done(copied, removed, size)


def verify_files(settings: Settings, repo: int) -> list[str]:
    """Which copies do not open, one line each; all are read."""
    copies = Copies(settings, repo, FILES)
    found = []
    for copy in copies.listed():
        try:
            for _ in copies.read(copy.name):
                pass
        except WellhouseError as error:
            found.append(str(error))
    return found


def restore_files(settings: Settings, repos: Sequence[int], into: Path) -> Restored:
    """Write every copied file under ``into``, as ``recordings/…``, ``originals/…``, ``inbox/…`` and so on.

    The first repository that answers says which files there are; of one whose newest copy does not open, the other
    repository's is taken, or an older one.
    """
    found, failed = _listed(settings, repos, FILES)
    holders: dict[str, list[int]] = {}
    for number, rows in found.items():
        for copy in rows:
            holders.setdefault(copy.name, []).append(number)
    versions: dict[str, list[tuple[str, int]]] = {}
    for copy in reversed(next((rows for rows in found.values() if rows), [])):
        versions.setdefault(_target(copy.name), []).extend((copy.name, n) for n in holders[copy.name])
    counts: dict[int, int] = {}
    missing = 0
    for target, candidates in versions.items():
        for name, number in candidates:
            try:
                _write(into / target, Copies(settings, number, FILES).read(name))
            except (OSError, WellhouseError) as error:
                failed.append(str(error) if isinstance(error, WellhouseError) else
                              f"repository {number}: the copy {FILES}/{_short(name)}: {error.strerror}")  # fmt: skip
            else:
                counts[number] = counts.get(number, 0) + 1
                break
        else:
            missing += 1
    return Restored(counts, missing, failed)


def _listed(settings: Settings, repos: Sequence[int], kind: str) -> tuple[dict[int, list[Copy]], list[str]]:
    """What each repository holds, and which one does not say."""
    found, failed = {}, []
    for number in repos:
        try:
            found[number] = Copies(settings, number, kind).listed()
        except (OSError, WellhouseError) as error:
            failed.append(f"repository {number}: {error}")
    return found, failed


def _write(target: Path, parts: Iterator[bytes]) -> None:
    """The file is there complete or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}{_DRAFT}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for part in parts:
                file.write(part)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _target(name: str) -> str:
    """A copy's file: its name without the version."""
    return name.rpartition("~")[0].rpartition("~")[0]


def _source(settings: Settings, area: str) -> tuple[Any, str]:
    if area == "recordings" and settings.recordings_url:
        fs, root = fsspec.core.url_to_fs(settings.recordings_url)
    else:
        fs, root = fsspec.core.url_to_fs(f"file://{settings.var / area}")
    return fs, root.rstrip("/")


def _name(area: str, relative: str, info: dict[str, Any]) -> str:
    """A file's version: its path, when it was last written, its size."""
    return f"{area}/{relative}~{_modified(info)}~{int(info['size'])}"


def _modified(info: dict[str, Any]) -> int:
    found = info.get("mtime", info.get("LastModified"))
    return int(found.timestamp() if isinstance(found, dt.datetime) else found or 0)


def _short(name: str) -> str:
    """A copy's name without what a file name could give away."""
    return hashlib.sha256(name.encode()).hexdigest()[:12] if name.startswith(_WAITING) else name
