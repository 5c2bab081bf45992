"""The second sink of the audit trail: a file of JSON lines that is only ever appended to, with a chain of its own.

Each line carries ``chain``, an HMAC-SHA256 over the chain before it and the line itself, under a key of this
installation: whoever can write the file or the database but has no key cannot make a line that follows.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wellhouse import files
from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Line:
    """``kind``: begin, event, or committed, which says that the database has the event of that number."""

    kind: str
    event_id: int
    hash: str


class Sink:
    """The file in use, ``var/audit/trail.jsonl``; those that were closed are beside it as ``trail.<event>.jsonl``."""

    def __init__(self, of: Settings) -> None:
        self.path = of.var / "audit" / "trail.jsonl"
        self._key = of.secret("audit_sink").encode()

    def append(self, kind: str, entry: dict[str, Any], *, durable: bool = True) -> bytes:
        """Append one line and return it; on its disk when this returns. One that does not fit leaves no part of itself.

        :raises OSError: the file is not there or cannot be written
        :raises UnavailableError: its last line is torn
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            line = self._line(kind, entry, _chain(_last(descriptor, size)))
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError("no space for a line")
                if durable:
                    os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            return line
        finally:
            os.close(descriptor)

    def begin(self, event: dict[str, Any]) -> None:
        """A new file whose first line is ``event``; the one there was is kept under the event's number."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.exists():
            self.path.replace(self.path.with_name(f"trail.{event['event_id']}.jsonl"))
        files.replace(self.path, self._line("begin", event, ""))

    def closed(self) -> list[Path]:
        """The files before this one."""
        return sorted(self.path.parent.glob("trail.*.jsonl"))

    def lines(self, path: Path | None = None) -> Iterator[Line]:
        """Every line, each checked to follow from the one before.

        :raises WellhouseError: the first line that does not, by its number
        """
        path, chain = path or self.path, ""
        try:
            with path.open("rb") as file:
                # what is appended meanwhile is not looked at: it may be half written
                fcntl.flock(file, fcntl.LOCK_SH)
                size = os.fstat(file.fileno()).st_size
                fcntl.flock(file, fcntl.LOCK_UN)
                number = 0
                while file.tell() < size:
                    raw, number = file.readline(), number + 1
                    try:
                        said = json.loads(raw)
                        whole = raw.endswith(b"\n") and raw == self._line(said["kind"], said["entry"], chain)
                        line = Line(said["kind"], int(said["entry"]["event_id"]), said["entry"].get("hash", ""))
                    except (ValueError, KeyError, TypeError, AttributeError):
                        whole = False
                    if not whole or (line.kind == "begin") is not (number == 1):
                        raise WellhouseError(f"the second sink is broken at line {number} of {path.name}")
                    chain = said["chain"]
                    yield line
        except FileNotFoundError:
            raise WellhouseError(f"the second sink is gone: {path.name}") from None
        if not chain:
            raise WellhouseError(f"the second sink is empty: {path.name}")

    def _line(self, kind: str, entry: dict[str, Any], previous: str) -> bytes:
        body = json.dumps({"kind": kind, "entry": entry}, sort_keys=True, separators=(",", ":"))
        chain = hmac.new(self._key, f"{previous}{body}".encode(), "sha256").hexdigest()
        return f'{body[:-1]},"chain":"{chain}"}}\n'.encode()


def _last(descriptor: int, size: int) -> bytes:
    """The last line; a list of ten thousand persons makes it long."""
    tail = b""
    while size and b"\n" not in tail[:-1]:
        start = max(0, size - _BLOCK)
        tail = os.pread(descriptor, size - start, start) + tail
        size = start
    if not tail.endswith(b"\n"):
        raise UnavailableError("nothing was read: the second sink's last line is torn (`wellhouse audit begin`)")
    return tail[:-1].rpartition(b"\n")[2]


def _chain(line: bytes) -> str:
    return str(json.loads(line)["chain"])
