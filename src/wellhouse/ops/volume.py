"""Is the volume that holds ``var`` encrypted? dm-crypt (LUKS), gocryptfs and similar, or fscrypt are recognised."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_GET_POLICY_EX = 0xC0096616
"""``FS_IOC_GET_ENCRYPTION_POLICY_EX`` of ``linux/fscrypt.h``."""
_FUSE = ("fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "ecryptfs")


def encryption(folder: Path) -> str | None:
    """What encrypts the volume of ``folder``; None: nothing that can be seen from here (a disk may, by itself)."""
    kind, source = _mount(folder)
    if kind in _FUSE:
        return kind.removeprefix("fuse.")
    device = Path("/sys/class/block") / Path(source).resolve().name / "dm" / "uuid"
    if device.exists() and device.read_text().startswith("CRYPT-"):
        return "LUKS" if device.read_text().startswith("CRYPT-LUKS") else "dm-crypt"
    return "fscrypt" if _has_policy(folder) else None


def _mount(folder: Path) -> tuple[str, str]:
    """Type and source of the mount that ``folder`` is in."""
    best, found = -1, ("", "")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4].encode().decode("unicode_escape")
        if folder.is_relative_to(point) and len(point) >= best:
            kind, source, *_ = right.split()
            best, found = len(point), (kind, source)
    return found


def _has_policy(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _GET_POLICY_EX, bytearray(struct.pack("<Q", 24) + bytes(24)))
        return True
    except OSError:  # not encrypted, or a file system that cannot
        return False
    finally:
        os.close(descriptor)
