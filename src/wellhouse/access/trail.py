"""Questions to the audit trail: is it whole, who saw a person, what did somebody read."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from wellhouse import db
from wellhouse.audit.sink import Sink
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

_EVENTS = "select event_id, at, reader, action, path, purpose, cardinality(persons), rows from audit.event"


@dataclass(frozen=True)
class Event:
    """One line of the trail; persons are counted, not listed."""

    event_id: int
    at: dt.datetime
    reader: str
    action: str
    path: str
    purpose: str
    persons: int
    rows: int | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Verified:
    """Both sinks are whole and tell the same. ``interrupted``: written to the second one, killed before the commit."""

    events: int
    compared: int
    compared_from: int
    interrupted: int
    closed_sinks: int

    def as_json(self) -> dict[str, Any]:
        return {"whole": True, **asdict(self)}


def verify(of: Settings) -> Verified:
    """Check the chain in the database, the chain of the second sink, and that both tell the same.

    :raises WellhouseError: one of them was edited, cut or put in another order; the first place is named
    """
    # the file first: what is recorded meanwhile is in the database, too, and is looked up there afterwards
    sink = Sink(of)
    compared_from, said, committed = _second(sink)
    last = max(said, default=0)
    for path in sink.closed():
        for _ in sink.lines(path):
            pass
    with db.connect("wh_ops", of) as connection:
        broken, count, begun = connection.execute(
            "select audit.first_break(), count(*), count(*) filter (where (action, path) = ('begin', 'sink')) "
            "from audit.event"
        ).fetchone() or (None, 0, 0)
        if broken is not None:
            raise WellhouseError(f"the audit trail is broken at event {broken}")
        if begun > len(sink.closed()) + 1:
            raise WellhouseError("the second sink was closed once and that file is gone")
        with connection.cursor(name="events") as cursor:
            cursor.itersize = 10_000
            cursor.execute(
                "select event_id, encode(hash, 'hex') from audit.event where event_id between %s and %s order by 1",
                (compared_from, last),
            )
            compared = 0
            for event_id, told in cursor:
                compared += 1
                if told not in said.pop(event_id, ()):
                    raise WellhouseError(f"event {event_id} is not in the second sink as it is in the database")
                committed.discard(event_id)
        after = connection.execute("select min(event_id) from audit.event where event_id > %s", (last,)).fetchone()
    if committed:
        raise WellhouseError(f"event {min(committed)} was taken out of the database: the second sink has it")
    if after and after[0] is not None and not _arrived(of, int(after[0])):
        raise WellhouseError(f"event {after[0]} is not in the second sink: it was cut off")
    return Verified(int(count), compared, compared_from, len(said), len(sink.closed()))


def _second(sink: Sink) -> tuple[int, dict[int, list[str]], set[int]]:
    """The first event of the second sink, what it says of each (an interrupted one's number comes again), and which
    of them it knows to be in the database."""
    first = 0
    said: dict[int, list[str]] = {}
    committed: set[int] = set()
    for line in sink.lines():
        if line.kind == "committed":
            committed.add(line.event_id)
            continue
        if line.kind == "begin":
            first = line.event_id
            committed.add(first)
        said.setdefault(line.event_id, []).append(line.hash)
    return first, said, committed


def _arrived(of: Settings, event_id: int) -> bool:
    """Whether an event that came while we looked is in the second sink by now."""
    return any(line.event_id == event_id for line in Sink(of).lines())


def who_saw(of: Settings, person_key: int) -> list[Event]:
    """Every identified read of one person, oldest first."""
    return _ask(of, f"{_EVENTS} where %s = any(persons) order by event_id", (person_key,))


def by(of: Settings, username: str, since: dt.datetime) -> list[Event]:
    """What a reader, or somebody on the command line (``os:<login>``), did since then, oldest first."""
    readers = [username, db.READER_PREFIX + username, f"os:{username}"]
    return _ask(of, f"{_EVENTS} where reader = any(%s) and at >= %s order by event_id", (readers, since))


def _ask(of: Settings, query: str, values: tuple[Any, ...]) -> list[Event]:
    with db.connect("wh_ops", of) as connection:
        return [Event(*row) for row in connection.execute(query.encode(), values).fetchall()]
