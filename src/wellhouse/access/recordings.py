"""Playing a recorded call: only to a health manager of its site, and only after the audit trail says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wellhouse import audit, db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.recordings import Store
from wellhouse.crypto.vault import Person, person_keys
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings


@dataclass(frozen=True)
class Recording:
    """A recording that this reader may hear; the audit trail has it already."""

    media_type: str
    size: int
    read: Callable[[int, int], Iterator[bytes]]
    """The audio from one byte until before another, a verified piece at a time."""


def play(settings: Settings, recording_key: int, username: str, purpose: str) -> Iterator[bytes]:
    """The whole audio, a piece at a time; raises as :func:`opened`."""
    recording = opened(settings, recording_key, username, purpose)
    yield from recording.read(0, recording.size)


def opened(settings: Settings, recording_key: int, username: str, purpose: str) -> Recording:
    """A recording with the reader's own rights.

    :raises WellhouseError: no such reader, not a health manager, no such recording at a site of theirs (the same line
        for one that does not exist), or the person was erased
    """
    person = _cleared(settings, recording_key, username, purpose)
    with db.connect("wh_identity", settings) as connection, Keyring.open(settings) as keyring:
        row = connection.execute(
            """select object, sealed_key, k.person_key, media_type, bytes
               from landing.call_recording r join vault.audio_key k using (object)
               where recording_key = %s and r.person_key = %s order by r.load_id desc limit 1""",
            (recording_key, person),
        ).fetchone()
        # the key of the person it was sealed for, who may be one with another by now
        keys = {} if row is None else person_keys(connection, keyring, [row[2]])
        if row is None or row[2] not in keys:
            raise WellhouseError(f"the audio of recording {recording_key} was erased")
    name, sealed_key, owner, media_type, size = row[0], bytes(row[1]), Person(row[2], *keys[row[2]]), row[3], row[4]
    store = Store(settings)
    return Recording(media_type, size, lambda a, b: store.read_range(name, sealed_key, owner, size, a, b))


def _cleared(settings: Settings, recording_key: int, username: str, purpose: str) -> int:
    """Whose recording it is: PostgreSQL's row policies decide whether this reader may know; the trail is written."""
    with db.connect_reader(username, settings) as connection:
        allowed = connection.execute("select access.my_role()").fetchone()
        if allowed is None or allowed[0] != db.IDENTIFIED:
            raise WellhouseError(f"{username} may play no recordings: that takes a health manager")
        found = connection.execute(
            "select person_key from marts.fct_call_recording where recording_key = %s", (recording_key,)
        ).fetchone()
        if found is None:
            raise WellhouseError(f"{username} may play no recording {recording_key}")
        person = int(found[0])
        audit.record(
            settings, audit.reader(username), action="read", path="recording", purpose=purpose, persons=[person], rows=1
        )
    return person
