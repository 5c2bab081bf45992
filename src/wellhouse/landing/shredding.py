"""Destroying a person's key: identity, originals and recordings are noise from then on, in every copy there is."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from wellhouse import audit, db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.recordings import Store
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings


@dataclass(frozen=True)
class Shredded:
    """What is gone. Pseudonymous rows are not: erasing them is the subject's erasure, which begins with this."""

    persons: tuple[int, ...]
    keys: int
    originals: int
    recordings: int
    files: int


def shred(of: Settings, person_key: int, purpose: str) -> Shredded:
    """Destroy the keys of a person, and of those who were merged into them; then what the keys opened.

    The keys go first: whatever a crash leaves behind, or a backup holds, can never be opened again. Run again, it goes
    on where it was.

    :raises WellhouseError: there is no such person, or they were merged into another
    """
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        persons, key_ids = persons_of(connection, person_key)
        connection.commit()
        audit.record(of, audit.operator(), action="shred", path="person", purpose=purpose, persons=persons)
        keys = keyring.destroy(key_ids)
        objects = connection.execute(
            "select object from vault.audio_key where person_key = any(%s)", (persons,)
        ).fetchall()
        # a workbook is kept as it came, and with it everybody who is in it: its rows are sealed one by one beside it
        workbooks = connection.execute(
            """select distinct sha256 from ops.load join landing.original o using (load_id)
               where o.person_key = any(%s)""",
            (persons,),
        ).fetchall()
        recordings = Store(of).delete([name for (name,) in objects])
        files = 0
        for (sha256,) in workbooks:
            path = of.originals / f"{sha256}.sealed"
            files += path.exists()
            path.unlink(missing_ok=True)
        originals = connection.execute("delete from landing.original where person_key = any(%s)", (persons,)).rowcount
        connection.execute("delete from vault.person where person_key = any(%s)", (persons,))
        return Shredded(tuple(persons), keys, originals, recordings, files)


def persons_of(connection: psycopg.Connection, person_key: int) -> tuple[list[int], list[str]]:
    """(keys, data key ids) of a person and of everybody who was merged into them, the person first.

    :raises WellhouseError: there is no such person, or they were merged into another
    """
    into = connection.execute(
        "select kept_key from vault.merge where gone_key = %s and unmerged_at is null", (person_key,)
    ).fetchone()
    if into is not None:
        raise WellhouseError(f"person {person_key} is {into[0]} now: name that one")
    rows = connection.execute(
        """with recursive same (person_key) as (
               select %(p)s::bigint union
               select m.gone_key from vault.merge m join same on m.kept_key = same.person_key
               where m.unmerged_at is null
           )
           select person_key, key_id from vault.person join same using (person_key)
           order by person_key <> %(p)s, person_key""",
        {"p": person_key},
    ).fetchall()
    if not rows:
        raise WellhouseError(f"no person {person_key}")
    return [key for key, _ in rows], [key_id for _, key_id in rows]
