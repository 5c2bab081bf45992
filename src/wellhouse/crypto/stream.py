"""Streaming AES-256-GCM for what does not fit into one message: the STREAM construction (Hoang, Reyhanitabar, Rogaway,
Vizár, CRYPTO 2015). A chunk's nonce is ``prefix (7) || number (4) || 1 for the last, else 0 (1)``: a chunk that is
missing, repeated, moved or cut off does not open.

File: ``WHS1 || prefix || chunk…``, each chunk a mebibyte of plaintext, the last one shorter, and its 16-byte tag.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wellhouse.errors import WellhouseError

_MAGIC = b"WHS1"
_PREFIX_BYTES = 7
_TAG_BYTES = 16
CHUNK_BYTES = 1 << 20


def seal(key: bytes, source: IO[bytes], target: IO[bytes], aad: bytes, seen: Callable[[bytes], object] = len) -> int:
    """Seal all that ``source`` gives into ``target``; returns the bytes read.

    :param key: 32 bytes, for this one stream only
    :param seen: is shown every piece of the plaintext, such as the ``update`` of a hash
    """
    cipher, prefix = AESGCM(key), os.urandom(_PREFIX_BYTES)
    target.write(_MAGIC + prefix)
    size = number = 0
    chunk = source.read(CHUNK_BYTES)
    last = False
    while not last:
        following = source.read(CHUNK_BYTES)
        last = not following
        seen(chunk)
        target.write(cipher.encrypt(_nonce(prefix, number, last), chunk, aad))
        size += len(chunk)
        number += 1
        chunk = following
    return size


def unseal(key: bytes, source: IO[bytes], aad: bytes) -> Iterator[bytes]:
    """The plaintext, a chunk at a time: what is given was verified, and the end only comes when it is the end.

    :raises WellhouseError: another key, another place, or anything changed, moved, missing or cut off
    """
    cipher = AESGCM(key)
    if source.read(len(_MAGIC)) != _MAGIC:
        raise WellhouseError("a sealed file does not open: it is none of ours")
    prefix, number = source.read(_PREFIX_BYTES), 0
    sealed = source.read(CHUNK_BYTES + _TAG_BYTES)
    last = False
    while not last:
        following = source.read(CHUNK_BYTES + _TAG_BYTES)
        last = not following
        try:
            yield cipher.decrypt(_nonce(prefix, number, last), sealed, aad)
        except (InvalidTag, ValueError):
            raise WellhouseError("a sealed file does not open: wrong key, wrong place or changed bytes") from None
        sealed = following
        number += 1


def unseal_range(key: bytes, source: IO[bytes], aad: bytes, size: int, start: int, stop: int) -> Iterator[bytes]:
    """The plaintext from ``start`` until before ``stop``; only the chunks that hold it are read, and each is verified.

    :param size: of the whole plaintext; a wrong one does not open
    :raises WellhouseError: as :func:`unseal`
    """
    cipher = AESGCM(key)
    if source.read(len(_MAGIC)) != _MAGIC:
        raise WellhouseError("a sealed file does not open: it is none of ours")
    prefix = source.read(_PREFIX_BYTES)
    newest = max(0, size - 1) // CHUNK_BYTES
    for number in range(start // CHUNK_BYTES, min(newest, max(start, stop - 1) // CHUNK_BYTES) + 1):
        source.seek(len(_MAGIC) + _PREFIX_BYTES + number * (CHUNK_BYTES + _TAG_BYTES))
        sealed = source.read(CHUNK_BYTES + _TAG_BYTES)
        try:
            chunk = cipher.decrypt(_nonce(prefix, number, number == newest), sealed, aad)
        except (InvalidTag, ValueError):
            raise WellhouseError("a sealed file does not open: wrong key, wrong place or changed bytes") from None
        first = number * CHUNK_BYTES
        yield chunk[max(0, start - first) : max(0, stop - first)]


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
