"""Keyed hashes: what stands in for an identifier outside the vault. HMAC-SHA256 (RFC 2104), never a bare hash."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable

PERSON_KEY_LOW, PERSON_KEY_HIGH = 2**40, 2**53
"""A person key is exact in JavaScript and never mistaken for a small number."""

_SEPARATOR = b"\x1f"


def blind_index(key: bytes, identifier_type: str, authority: str, number: str) -> bytes:
    """32 bytes by which an identifier is looked up without being stored."""
    message = _SEPARATOR.join((identifier_type.encode(), authority.encode(), number.encode()))
    return hmac.digest(key, message, "sha256")


def record_key(key: bytes, kind: str, site: str, number: str) -> int:
    """A 63-bit key for a source's own number, the same in every file."""
    return record_keys(key, kind, site, [number])[0]


def record_keys(key: bytes, kind: str, site: str, numbers: Iterable[str]) -> list[int]:
    """The same for many numbers of one kind and site."""
    before = _SEPARATOR.join((kind.encode(), site.encode(), b""))
    digests = [hmac.digest(key, before + number.encode(), "sha256") for number in numbers]
    return [int.from_bytes(digest[:8], "big") >> 1 for digest in digests]


def person_key() -> int:
    """A new random person key."""
    return PERSON_KEY_LOW + int.from_bytes(os.urandom(16), "big") % (PERSON_KEY_HIGH - PERSON_KEY_LOW)
