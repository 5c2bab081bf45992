"""The periodic review: what is granted against what is declared, and who lets a reader's access stand."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from wellhouse import audit, db
from wellhouse.access import alerts, grants
from wellhouse.access.alerts import Alert
from wellhouse.access.grants import Grant
from wellhouse.access.readers import Reader, everyone
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

PERIOD = dt.timedelta(days=90)
"""How long a confirmation stands."""


@dataclass(frozen=True)
class Review:
    """``grants``: how many were looked at; ``drift``: those that nothing declares."""

    taken_at: dt.datetime
    grants: int
    drift: list[Grant]
    readers: list[Reader]

    def as_json(self) -> dict[str, Any]:
        return {
            "taken_at": self.taken_at.isoformat(), "grants": self.grants, "drift": [asdict(g) for g in self.drift],
            "readers": [r.as_json() for r in self.readers],
        }  # fmt: skip


def review(of: Settings) -> Review:
    """Take a snapshot of every grant and tell what is not declared, once per finding in ``ops.alert``."""
    readers = everyone(of)
    wanted = grants.declared(of, readers)
    names = sorted({g.principal for g in wanted if (g.system, g.kind) == ("superset", "permission")})
    found = grants.postgres(of) | grants.platform(of, "superset", names) | grants.platform(of, "airflow")
    extra = sorted(grants.drift(found, wanted))
    taken_at = dt.datetime.now(dt.UTC)
    places = {(g.system, g.principal, g.kind, g.object) for g in extra}
    with db.connect("wh_access", of) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into access.grant_snapshot values (%s, %s, %s, %s, %s, %s, %s)",
            [(taken_at, g.system, g.principal, g.kind, g.object, g.verbs,
              (g.system, g.principal, g.kind, g.object) not in places) for g in sorted(found)],
        )  # fmt: skip
    alerts.put(
        of,
        [
            Alert("undeclared_grant", "critical", g.principal, f"{taken_at:%Y-%m-%d} {_told(g)}", asdict(g))
            for g in extra
        ],
    )
    return Review(taken_at, len(found), extra, [r for r in readers if r.state in ("active", "unreviewed")])


def confirm(of: Settings, username: str, reviewer: str | None, purpose: str) -> dt.datetime:
    """A reader's grants stand for another period; until when.

    :param reviewer: an administrator's or auditor's username; None: whoever runs the command
    :raises WellhouseError: no such reader, or nobody who may review them; nobody confirms themselves
    """
    people = {r.username: r for r in everyone(of)}
    if username not in people or people[username].state in ("revoked", "expired"):
        raise WellhouseError(f"there is no reader {username} to confirm")
    if reviewer is not None:
        who = people.get(reviewer)
        if reviewer == username or who is None or not who.active or who.role not in ("administrator", "auditor"):
            raise WellhouseError(f"{reviewer} may not review {username}: that takes another administrator or auditor")
    with db.connect("wh_access", of) as connection:
        row = connection.execute(
            "select access.confirm(%s, %s, %s)", (username, audit.reader(reviewer), PERIOD)
        ).fetchone()
        what = f"{username}: {purpose}"
        audit.record(of, audit.reader(reviewer), action="review", path="access", purpose=what)
    assert row is not None
    return dt.datetime.fromisoformat(row[0].isoformat())


def _told(grant: Grant) -> str:
    return f"{grant.system} {grant.principal} {grant.kind} {grant.object} {grant.verbs}"
