"""Whom a file named before: what a year's rows say of a person, the next year's mostly say again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from wellhouse.crypto.vault import Person

_SIZE = 5_000
"""Persons, about 1 KiB each."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A person and what a record said of them; ``born``: yyyymmdd, 0 unknown."""

    person: Person
    sex: str | None
    born: int


@dataclass
class Known:
    """Of one file, and of a fixed size. Only the last words about a person are known: older ones may mean a change."""

    _facts: dict[int, tuple[bytes, Fact]] = field(default_factory=dict)
    _keys: dict[bytes, int] = field(default_factory=dict)

    @staticmethod
    def digest(words: Iterable[str]) -> bytes:
        return blake2b("\x1f".join(words).encode(), digest_size=16).digest()

    def recall(self, digest: bytes) -> Fact | None:
        latest = self._facts.get(self._keys.get(digest, 0))
        return latest[1] if latest is not None and latest[0] == digest else None

    def remember(self, digest: bytes, fact: Fact) -> None:
        old = self._facts.pop(fact.person.person_key, None)
        if old is None and len(self._facts) >= _SIZE:
            old = self._facts.pop(next(iter(self._facts)))
        if old is not None:
            self._keys.pop(old[0], None)
        self._facts[fact.person.person_key] = (digest, fact)
        self._keys[digest] = fact.person.person_key
