"""Restriction of processing and withdrawn consent: rows stay, nobody reads them, no aggregate counts them.

PostgreSQL's row policies ask ``access.restricted()``, so a restriction holds from the next query on; dbt's staging
leaves restricted persons out, so aggregates follow with the next build (GDPR 18; PIPL 44, 15).
"""

from __future__ import annotations

from contextlib import suppress

import psycopg

from wellhouse import audit, db
from wellhouse.crypto.recordings import Store
from wellhouse.errors import WellhouseError
from wellhouse.landing.shredding import persons_of
from wellhouse.settings import Settings


def restrict(of: Settings, person_key: int, who: str, purpose: str) -> None:
    """Nobody reads this person's rows from now on.

    :raises WellhouseError: there is no such person
    """
    persons = _persons(of, person_key)
    with db.connect("wh_access", of) as connection:
        for person in persons:
            connection.execute(
                "insert into access.restriction (person_key, purpose) values (%s, %s) on conflict do nothing",
                (person, purpose),
            )
        audit.record(of, who, action="restrict", path="subject", purpose=purpose, persons=persons)


def lift(of: Settings, person_key: int, who: str, purpose: str) -> None:
    """Readers see the person's rows again.

    :raises WellhouseError: there is no such person, or no restriction stands
    """
    persons = _persons(of, person_key)
    with db.connect("wh_access", of) as connection:
        done = connection.execute("delete from access.restriction where person_key = any(%s)", (persons,)).rowcount
        if not done:
            raise WellhouseError(f"person {person_key} is not restricted")
        audit.record(of, who, action="unrestrict", path="subject", purpose=purpose, persons=persons)


def forget_recordings(of: Settings, person_key: int, who: str, purpose: str) -> int:
    """Consent to recordings is withdrawn: the audio, its keys and its rows go; how many recordings.

    A later recording is stored only with a consent of its own, as every recording is.

    :raises WellhouseError: there is no such person
    """
    persons = _persons(of, person_key)
    with db.connect("wh_ingest", of) as connection:
        found = connection.execute(
            "delete from vault.audio_key where person_key = any(%s) returning object", (persons,)
        ).fetchall()
        connection.execute("delete from landing.call_recording where person_key = any(%s)", (persons,))
        audit.record(of, who, action="withdraw", path="subject", purpose=purpose, persons=persons, rows=len(found))
        connection.commit()  # without its key the audio is noise, whatever happens to the files
    with suppress(psycopg.errors.UndefinedTable), db.connect("wh_transform", of) as connection:  # nothing built yet
        connection.execute("delete from marts.fct_call_recording where person_key = any(%s)", (persons,))
    Store(of).delete([name for (name,) in found])
    return len(found)


def _persons(of: Settings, person_key: int) -> list[int]:
    with db.connect("wh_ingest", of) as connection:
        return persons_of(connection, person_key)[0]
