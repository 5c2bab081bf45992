"""Files that only their owner may read, and that appear complete or not at all; locks that end with their process."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wellhouse.errors import WellhouseError

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def spoken(name: str) -> str | None:
    """A file's name where it may be written down; None where it may tell of a person: other letters, long numbers."""
    return name if _PLAIN_NAME.fullmatch(name) and not re.search(r"\d{9}", name) else None


def replace(path: Path, content: bytes, owner: tuple[int, int] | None = None, mode: int = 0o600) -> None:
    """Put ``content`` at ``path``, durably, in the place of what stood there.

    :param owner: (uid, gid) of whom the file belongs to; None: ourselves
    :param mode: who may read it, whatever the umask; by default its owner only
    :raises OSError: the folder is not there or not writable
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if owner:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def held(lock: Path, otherwise: str) -> int:
    """The descriptor of a lock that ends with its process, and with those that inherit it, however they end.

    :raises WellhouseError: somebody else has it; ``otherwise`` is what is said then
    """
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise WellhouseError(otherwise) from None
    return descriptor


@contextmanager
def alone(lock: Path, otherwise: str) -> Iterator[int]:
    """The same for the length of a block."""
    descriptor = held(lock, otherwise)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def in_memory(parts: Iterable[bytes]) -> Iterator[Path]:
    """A file that has a path and no place on any disk."""
    descriptor = os.memfd_create("original", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            for part in parts:
                file.write(part)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
