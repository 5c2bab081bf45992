"""Messages on disk: appended to one file a site, each batch of them synchronised, moved into the inbox as a whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock

from wellhouse import files
from wellhouse.mllp.answer import END, START

SOURCE = "exam"
REMEMBERED = 200_000
FILE_BYTES = 64 << 20
_PREFIX = "mllp_"


class Spool:
    """The only writer of ``folder``; a message is in it, or in the inbox, before :meth:`put` returns.

    :raises WellhouseError: another process writes it
    """

    def __init__(self, folder: Path, inbox: Path, seconds: float) -> None:
        self._folder, self._inbox, self._seconds = folder, inbox, seconds
        self._since: dict[str, float] = {}
        self._busy = Lock()
        """A message written to a file that is on its way into the inbox could be read, and removed, without it."""
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = files.held(folder / ".lock", "another listener of this installation is running")
        self._recover()

    def close(self) -> None:
        """Let the folder go, to whoever writes it next."""
        os.close(self._held)

    def put(self, site: str, messages: list[bytes]) -> None:
        """Store messages, the same twice once.

        :raises OSError: they could not be stored, and none of them is
        """
        with self._busy:
            new = list(dict.fromkeys(m for m in messages if _key(site, m) not in self._seen))
            if new:
                self._append(site, new)

    def _append(self, site: str, new: list[bytes]) -> None:
        path = self._folder / f"{site}.hl7"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                _write(descriptor, b"".join(START + m + END for m in new))
                os.fsync(descriptor)
                if not size:
                    _synchronise(self._folder)
            except OSError:
                os.ftruncate(descriptor, size)  # a sender that hears AE sends again: half a message must not wait here
                raise
        finally:
            os.close(descriptor)
        self._since.setdefault(site, time.monotonic())
        for message in new:
            self._remember(site, message)
        if size >= FILE_BYTES:
            with suppress(OSError):  # it is stored, and moved next time
                self._move(site)

    def move_due(self) -> list[Path]:
        """Into the inbox with every file that is old enough."""
        return self.move_all(self._seconds)

    def move_all(self, seconds: float = 0) -> list[Path]:
        """Into the inbox with every file that is ``seconds`` old, whole or not at all.

        :raises OSError: one stays here, for the next time
        """
        with self._busy:
            now = time.monotonic()
            return [self._move(site) for site, since in list(self._since.items()) if now - since >= seconds]

    def _move(self, site: str) -> Path:
        home = self._inbox / site / SOURCE
        for level in (home.parent, home):
            if not level.exists():
                level.mkdir(parents=True, exist_ok=True, mode=0o700)
                _synchronise(level.parent)
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S_%f")
        target = home / f"{_PREFIX}{stamp}.hl7"
        (self._folder / f"{site}.hl7").rename(target)
        _synchronise(home)
        _synchronise(self._folder)
        del self._since[site]
        return target

    def _recover(self) -> None:
        """After whatever ended the last listener: what it had acknowledged is whole, the rest of a file was not."""
        for path in sorted(self._folder.glob("*.hl7")):
            content = path.read_bytes()
            whole = content.rfind(END) + len(END) if END in content else 0
            if whole < len(content):
                os.truncate(path, whole)
            if not whole:
                path.unlink()
                continue
            with path.open("rb+") as kept:
                os.fsync(kept.fileno())  # the last listener may have ended before it did
            _synchronise(self._folder)
            self._since[path.stem] = time.monotonic()
            self._remember_all(path.stem, content[:whole])
        for path in sorted(self._inbox.glob(f"*/{SOURCE}/{_PREFIX}*.hl7"))[-20:]:
            self._remember_all(path.parent.parent.name, path.read_bytes())

    def _remember_all(self, site: str, content: bytes) -> None:
        for framed in content.split(END)[:-1]:
            self._remember(site, framed.removeprefix(START))

    def _remember(self, site: str, message: bytes) -> None:
        self._seen[_key(site, message)] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def _key(site: str, message: bytes) -> bytes:
    return hashlib.blake2b(b"\0".join((site.encode(), message)), digest_size=20).digest()


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
