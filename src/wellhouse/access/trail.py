"""Questions to the audit trail: is it whole, who saw a person, what did somebody read."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from wellhouse import db
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


def verify(of: Settings) -> int:
    """How many events the whole chain has.

    :raises WellhouseError: the chain is broken; the first event that does not follow is named
    """
    with db.connect("wh_ops", of) as connection:
        broken, count = connection.execute(
            "select audit.first_break(), (select count(*) from audit.event)"
        ).fetchone() or (None, 0)
    if broken is not None:
        raise WellhouseError(f"the audit trail is broken at event {broken}")
    return int(count)


def who_saw(of: Settings, person_key: int) -> list[Event]:
    """Every identified read of one person, oldest first."""
    return _ask(of, f"{_EVENTS} where %s = any(persons) order by event_id", (person_key,))


def by(of: Settings, username: str, since: dt.datetime) -> list[Event]:
    """What a person's login, or a service's, did since then, oldest first."""
    readers = [username, db.READER_PREFIX + username]
    return _ask(of, f"{_EVENTS} where reader = any(%s) and at >= %s order by event_id", (readers, since))


def _ask(of: Settings, query: str, values: tuple[Any, ...]) -> list[Event]:
    with db.connect("wh_ops", of) as connection:
        return [Event(*row) for row in connection.execute(query.encode(), values).fetchall()]
