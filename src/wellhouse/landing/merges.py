"""Two person keys that are one person: joined and parted by a steward, written down, audited, reversible.

Files never join two persons by themselves; a steward may, where nothing that is known contradicts it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from wellhouse import audit, db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.recordings import reseal_key
from wellhouse.crypto.sameness import contradict
from wellhouse.crypto.vault import Person, amend, forget_facts, person_keys, reveal
from wellhouse.errors import WellhouseError
from wellhouse.landing.tables import OTHER_SCHEMAS, SCHEMAS
from wellhouse.settings import Settings

_TABLES = [name for name, schema in SCHEMAS.items()
           if "person_key" in schema.names and name != "original" and name not in OTHER_SCHEMAS]  # fmt: skip
"""Originals and audio of before stay under the key of the person they were sealed for."""


FACTS = ("name", "birth_date", "sex")
"""What must not contradict itself for a number to join two records."""


@dataclass(frozen=True)
class Merge:
    """One line of the log."""

    merge_id: int
    kept_key: int
    gone_key: int
    purpose: str
    merged_at: dt.datetime
    unmerged_at: dt.datetime | None
    rows: int

    def document(self) -> dict[str, Any]:
        """As JSON keys."""
        return vars(self) | {
            "merged_at": self.merged_at.isoformat(),
            "unmerged_at": self.unmerged_at and self.unmerged_at.isoformat(),
        }


_LOG = """select merge_id, kept_key, gone_key, purpose, merged_at, unmerged_at,
                 (select count(*) from vault.merge_row r where r.merge_id = m.merge_id) as rows
          from vault.merge m"""


def log(of: Settings, person_key: int | None = None) -> list[Merge]:
    """Every merge, or those of one person, oldest first."""
    with db.connect("wh_ingest", of) as connection, connection.cursor(row_factory=class_row(Merge)) as cursor:
        return cursor.execute(
            _LOG + " where %(p)s::bigint is null or %(p)s in (kept_key, gone_key) order by merge_id", {"p": person_key}
        ).fetchall()


def merge(of: Settings, kept: int, gone: int, purpose: str) -> Merge:
    """From now on ``gone`` is ``kept``: rows and identifiers.

    :raises WellhouseError: what is known of them says that they are two people, or one of them is nobody
    """
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        _free(connection, kept, gone)
        # what is known of both is compared: they were looked at, whatever comes of it
        _audited(of, "read", purpose, kept, gone)
        _may(connection, keyring, kept, gone)
        found = connection.execute(
            """insert into vault.merge (kept_key, gone_key, purpose, last_load, identifiers, sites)
               select %(kept)s, %(gone)s, %(purpose)s, (select coalesce(max(load_id), 0) from ops.load),
                      coalesce((select array_agg(blind_index) from vault.identifier where person_key = %(gone)s), '{}'),
                      coalesce((select array_agg(g.site) from vault.person_site g where g.person_key = %(gone)s
                                and not exists (select from vault.person_site k
                                                where k.person_key = %(kept)s and k.site = g.site)), '{}')
               returning merge_id""",
            {"kept": kept, "gone": gone, "purpose": purpose},
        ).fetchone()
        assert found is not None
        (number,) = found
        for table in _TABLES:
            connection.execute(
                f"""with moved as (
                        update landing.{table} set person_key = %s where person_key = %s returning load_id, row_number)
                    insert into vault.merge_row select distinct %s::bigint, %s, load_id, row_number from moved""",  # noqa: S608
                (kept, gone, number, table),
            )
        connection.execute(
            """update vault.identifier set person_key = %s, first_key = coalesce(first_key, person_key)
               where person_key = %s""",
            (kept, gone),
        )
        connection.execute(
            "insert into vault.person_site select %s, unnest(sites) from vault.merge where merge_id = %s",
            (kept, number),
        )
        _audited(of, "merge", purpose, kept, gone)
        return _one(connection, number)


def correct(of: Settings, person_key: int, facts: list[str], purpose: str) -> None:
    """The next record's word on these facts counts: somebody took another name, or the first record was wrong.

    :raises WellhouseError: nobody has this key, or it is no such fact
    """
    unknown = set(facts) - set(FACTS)
    if unknown or not facts:
        raise WellhouseError(f"one or more of {', '.join(FACTS)} can be corrected")
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        forget_facts(connection, keyring, person_key, facts)
        _audited(of, "correct", purpose, person_key)


def put_right(of: Settings, person_key: int, right: dict[str, str], who: str, purpose: str) -> list[str]:
    """What the person themselves says is right, sealed in the place of what was known; which facts.

    :raises WellhouseError: nobody has this key, no such fact, or no text
    """
    allowed = (*FACTS, "phone", "address", "employer")
    if not right or set(right) - set(allowed) or not all(isinstance(v, str) and v.strip() for v in right.values()):
        raise WellhouseError(f"one or more of {', '.join(allowed)} can be put right, each by a text")
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        amend(connection, keyring, person_key, right)
        audit.record(of, who, action="correct", path="subject", purpose=purpose, persons=[person_key])
    return sorted(right)


def unmerge(of: Settings, merge_id: int, purpose: str) -> tuple[Merge, list[int]]:
    """Part them again; also the loads since then that name the kept person: they are to be read again.

    :raises WellhouseError: no such merge, it was parted before, or a later one took both of them along
    """
    with db.connect("wh_ingest", of) as connection:
        later = connection.execute(
            """select l.merge_id from vault.merge m join vault.merge l on l.gone_key = m.kept_key
               where m.merge_id = %s and l.merge_id > m.merge_id and l.unmerged_at is null""",
            (merge_id,),
        ).fetchone()
        if later is not None:
            raise WellhouseError(f"merge {later[0]} came later and took along what {merge_id} joined: part it first")
        found = connection.execute(
            """update vault.merge set unmerged_at = clock_timestamp() where merge_id = %s and unmerged_at is null
               returning kept_key, gone_key, last_load, identifiers, sites, merged_at""",
            (merge_id,),
        ).fetchone()
        if found is None:
            raise WellhouseError(f"no merge {merge_id} that stands")
        kept, gone, last_load, identifiers, sites, merged_at = found
        connection.execute(
            "update vault.identifier set person_key = %s where blind_index = any(%s)", (gone, identifiers)
        )
        for table in _TABLES:
            connection.execute(
                f"""update landing.{table} t set person_key = %s from vault.merge_row r
                    where r.merge_id = %s and r.table_name = %s and r.load_id = t.load_id
                      and r.row_number = t.row_number and t.person_key = %s""",  # noqa: S608
                (gone, merge_id, table, kept),
            )
        connection.execute(
            """delete from vault.person_site s where person_key = %s and site = any(%s)
               and not exists (select from landing.person p where p.person_key = s.person_key and p.site = s.site)""",
            (kept, sites),
        )
        # by their originals, too: what was there already under the other's identifier left no row; what was released
        # since, of a load before, landed under the kept one
        since = connection.execute(
            """select load_id from landing.person where person_key = %(kept)s and load_id > %(last)s
               union select load_id from landing.original where person_key = %(kept)s and load_id > %(last)s
               union select load_id from landing.original where person_key = any(%(both)s) and load_id in (
                   select load_id from quarantine.record where released_at >= %(merged_at)s)
               order by 1""",
            {"kept": kept, "last": last_load, "both": [kept, gone], "merged_at": merged_at},
        ).fetchall()
        _audited(of, "unmerge", purpose, kept, gone)
        return _one(connection, merge_id), [load_id for (load_id,) in since]


def reseal_recordings(of: Settings, done: Merge) -> int:
    """Audio that came while two were one goes under the key of whom it is about; call it when loads are read again."""
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        both = [done.kept_key, done.gone_key]
        people = {p: Person(p, *key) for p, key in person_keys(connection, keyring, both).items()}
        found = connection.execute(
            """select k.object, k.sealed_key, k.person_key, r.person_key from vault.audio_key k
               join (select distinct object, person_key from landing.call_recording) r using (object)
               where k.person_key = any(%(p)s) and r.person_key = any(%(p)s) and k.person_key <> r.person_key""",
            {"p": both},
        ).fetchall()
        opened = [row for row in found if row[2] in people and row[3] in people]
        for name, sealed_key, owner, heir in opened:
            sealed = reseal_key(name, bytes(sealed_key), people[owner], people[heir])
            connection.execute(
                "update vault.audio_key set person_key = %s, sealed_key = %s where object = %s", (heir, sealed, name)
            )
        return len(opened)


def _free(connection: psycopg.Connection, kept: int, gone: int) -> None:
    """Both are there, neither is another's, and nobody else changes them until this is over."""
    there = connection.execute(
        "select person_key from vault.person where person_key = any(%s) for update", ([kept, gone],)
    )
    known = {key for (key,) in there}
    for key in (kept, gone):
        if key not in known:
            raise WellhouseError(f"no person {key}")
    taken = connection.execute(
        "select from vault.merge where unmerged_at is null and gone_key = any(%s)", ([kept, gone],)
    )
    if kept == gone or taken.rowcount:
        raise WellhouseError("one of these is merged already: see `wellhouse person log`")


def _may(connection: psycopg.Connection, keyring: Keyring, kept: int, gone: int) -> None:
    documents = [reveal(connection, keyring, key) for key in (kept, gone)]
    numbers = [document.get("id_number", "") for document in documents]
    if all(len(number) == 18 for number in numbers):
        raise WellhouseError("they have two different ID numbers: they are two people")
    if contradict(*documents):
        raise WellhouseError("their names, birth dates or sexes differ: they are two people")


def _one(connection: psycopg.Connection, merge_id: int) -> Merge:
    with connection.cursor(row_factory=class_row(Merge)) as cursor:
        found = cursor.execute(_LOG + " where merge_id = %s", (merge_id,)).fetchone()
    assert found is not None
    return found


def _audited(of: Settings, action: str, purpose: str, *persons: int) -> None:
    """The last thing before the commit: no event, no change."""
    audit.record(of, audit.operator(), action=action, path="person", purpose=purpose, persons=persons)
