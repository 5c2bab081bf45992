"""Call recordings: the audio that a row of metadata names, beside its file. No consent, no audio: it is not stored.

Length and hash come from the audio itself, never from the metadata.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tinytag import TinyTag, TinyTagException

from wellhouse.crypto.recordings import Store
from wellhouse.ingest.batch import Batch, Ints
from wellhouse.ingest.identity import Rejected
from wellhouse.landing.recordings import AUDIO
from wellhouse.landing.tables import SCHEMAS

_FILE = "file"
Audio = dict[str, Any]
Known = Callable[[dict[int, int]], dict[int, Audio]]


@dataclass
class Shelf:
    """The audio files beside one file of metadata. ``known``: recording key by row → what is stored already by row."""

    store: Store
    folder: Path
    load_id: int
    known: Known
    stored: list[str] = field(default_factory=list)
    """Objects written for this load."""
    kept: set[str] = field(default_factory=set)
    """Objects that landed rows name."""
    spent: list[Path] = field(default_factory=list)
    """Audio files that are no longer needed where they are: sealed, or without consent."""

    _keys: list[tuple[int, str, bytes]] = field(default_factory=list)

    def clear(self) -> None:
        """Delete what was written for rows that did not land."""
        self.store.delete([name for name in self.stored if name not in self.kept])

    def read(self, batch: Batch, columns: dict[str, pa.Array], keys: Ints) -> dict[str, pa.Array]:
        """The columns that the audio fills, per row of the batch; rows without consent or audio are rejected."""
        consent = columns["consent"].to_pylist()
        files = columns[_FILE].to_pylist()
        made: list[Audio | None] = [None] * len(batch.rows)
        alive = batch.alive
        stored = self.known(dict(zip(batch.rows[alive].tolist(), keys[alive].tolist(), strict=True)))
        for row in np.flatnonzero(batch.alive).tolist():
            try:
                made[row] = self._audio(batch, row, files[row], consent[row], stored.get(int(batch.rows[row])))
            except Rejected as error:
                batch.reject(row, _FILE, error.reason, error.expected)
        if self._keys:
            persons, names, sealed = zip(*self._keys, strict=True)
            self._keys = []
            size = len(persons)
            batch.tables["audio_key"] = pa.table(
                [pa.repeat(self.load_id, size), pa.array(persons), pa.array(names), pa.array(sealed)],
                schema=SCHEMAS["audio_key"],
            )
        types = {name: SCHEMAS["call_recording"].field(name).type for name in AUDIO}
        return {n: pa.array([None if a is None else a[n] for a in made], kind) for n, kind in types.items()}

    def _audio(self, batch: Batch, row: int, name: str, consent: bool, known: Audio | None) -> Audio:
        path = self._path(name)
        if not consent:
            with suppress(Rejected):
                _measure(path)  # a row may name any file: only audio is ever removed
                self.spent.append(path)
            raise Rejected("no_consent", "a call whose recording the person agreed to")
        if not os.path.lexists(path) and known is not None:
            return known
        media_type, duration_s = _measure(path)
        person = batch.persons[batch.owner[row]]
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as audio:
            stored = self.store.put(audio, f"{self.load_id}/{secrets.token_hex(16)}.sealed", person)
        self.stored.append(stored.name)
        self._keys.append((person.person_key, stored.name, stored.sealed_key))
        self.spent.append(path)
        return {
            "media_type": media_type, "duration_s": duration_s, "sha256": stored.sha256, "bytes": stored.size,
            "object": stored.name,
        }  # fmt: skip

    def _path(self, name: str) -> Path:
        if name in (".", "..") or any(c in name for c in "/\\\0"):
            raise Rejected("bad_file_name", "the plain name of an audio file in the same folder")
        return self.folder / name


def _measure(path: Path) -> tuple[str, float]:
    """(wav or mp3, seconds), by what the file holds.

    :raises Rejected: not there, a link, or no audio that can be measured
    """
    if path.is_symlink() or not path.is_file():
        raise Rejected("missing_audio", "an audio file of that name beside the file of metadata")
    with path.open("rb") as audio:
        start = audio.read(12)
    wave = start[:4] == b"RIFF" and start[8:] == b"WAVE"
    if not wave and start[:3] != b"ID3" and not (start[:1] == b"\xff" and start[1:2] >= b"\xe0"):
        raise Rejected("bad_audio", "a WAV or MP3 file")
    try:
        with path.open("rb") as audio:
            tag = TinyTag.get(filename="recording.wav" if wave else "recording.mp3", file_obj=audio, tags=False)
    except (TinyTagException, ValueError, OverflowError, IndexError, ArithmeticError):
        raise Rejected("bad_audio", "a WAV or MP3 file that can be measured") from None
    if not tag.duration or not 0 < tag.duration < 86_400:
        raise Rejected("bad_audio", "a WAV or MP3 file of more than no seconds and less than a day")
    return "wav" if wave else "mp3", round(float(tag.duration), 3)
