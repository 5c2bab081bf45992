"""Every way in which a text may stand in a file: what a scan for plaintext looks for."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

from wellhouse.errors import WellhouseError

ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
SHORTEST = 6
"""Bytes: anything shorter occurs in ciphertext by chance (2⁻⁴⁸ a place, and there are billions of places)."""


def read(path: Path) -> dict[int, str]:
    """A canary a line, known by the number of its line.

    :raises WellhouseError: no such file, not UTF-8, no canary, or one too short to be told from chance
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise WellhouseError(f"{path} cannot be read as UTF-8 text") from None
    canaries = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not canaries:
        raise WellhouseError(f"{path} holds no canary")
    for number, canary in canaries.items():
        if len(canary.encode()) < SHORTEST:
            raise WellhouseError(f"{path}: line {number} is shorter than {SHORTEST} bytes: chance would find it")
    return canaries


def spellings(canary: str) -> set[bytes]:
    """The byte strings that hold it: four encodings, each bare, in hexadecimal and in base64; JSON and URL escapes."""
    found = {json.dumps(canary)[1:-1].encode(), json.dumps(canary)[1:-1].upper().replace("\\U", "\\u").encode()}
    for encoding in ENCODINGS:
        bare = canary.encode(encoding)
        found |= {bare, bare.hex().encode(), bare.hex().upper().encode(), quote_from_bytes(bare).encode()}
        found |= set(_base64(bare))
    return {spelling for spelling in found if len(spelling) >= SHORTEST}


def _base64(bare: bytes) -> Iterator[bytes]:
    """At each of the three places in a group of three bytes: the characters that depend on nothing beside it."""
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + bare)
        own = coded[(shift * 8 + 5) // 6 : (shift + len(bare)) * 8 // 6]
        if len(own) >= SHORTEST + 2:
            yield own
            yield own.replace(b"+", b"-").replace(b"/", b"_")
