"""Erasing a person: keys first, then every row of every table; a certificate only when nothing is found any more."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from wellhouse import audit, db
from wellhouse.access.tables import Walk
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.errors import WellhouseError
from wellhouse.landing.shredding import persons_of, shred
from wellhouse.settings import Settings

CANARIES = ("name", "id_number", "phone", "mrn", "address")
"""What of a person is looked for in clear. A birth date is many people's, an employer, too."""
SHORTEST = {"mrn": 9, "phone": 11}
"""Characters: shorter numbers are in every log by chance."""

Scan = Callable[[list[str]], dict[str, Any]]
"""Looks for these texts on every disk surface: {files, bytes, hits, unreadable}."""


@dataclass(frozen=True)
class Subject:
    """``texts``: by which they could be known in clear; kept in memory only."""

    persons: list[int]
    sites: list[str]
    texts: list[str]


@dataclass(frozen=True)
class Erased:
    """How much is gone: ``destroyed`` keys, originals and recordings; ``rows`` a table."""

    destroyed: dict[str, int]
    rows: dict[str, int]
    at: str


@dataclass(frozen=True)
class Certificate:
    """What was done and what was looked at afterwards; no word of who it was."""

    certificate: str
    persons: list[int]
    sites: list[str]
    purpose: str
    by: str
    erased_at: str
    destroyed: dict[str, int]
    rows_deleted: dict[str, int]
    walk: dict[str, int]
    scan: dict[str, Any]
    aggregates: str
    certified_at: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def subject(of: Settings, person_key: int, operator: str, purpose: str, texts: list[str] | None = None) -> Subject:
    """Whom it is about, while they can still be known; the audit trail has it before they are looked at.

    :param texts: what to look for, when an earlier run destroyed the keys already
    :raises WellhouseError: merged into another; nobody has this key and there are no ``texts``; no event, no look
    """
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        try:
            persons, _ = persons_of(connection, person_key)
        except WellhouseError as error:
            return _cut_short(person_key, texts, error)
        audit.record(of, operator, action="read", path="subject", purpose=purpose, persons=persons)
        try:
            known = [reveal(connection, keyring, person) for person in persons]
        except WellhouseError as error:
            return _cut_short(person_key, texts, error)
        sites = connection.execute(
            "select distinct site from vault.person_site where person_key = any(%s) order by 1", (persons,)
        ).fetchall()
    found = {
        document[fact] for document in known for fact in CANARIES
        if len(document.get(fact, "")) >= SHORTEST.get(fact, 1) and len(document[fact].encode()) >= 6
    }  # fmt: skip
    return Subject(persons, [site for (site,) in sites], sorted(found | set(texts or ())))


def _cut_short(person_key: int, texts: list[str] | None, error: WellhouseError) -> Subject:
    """An earlier run destroyed the keys: nobody knows any more who it was, but whoever asks."""
    if texts is None:
        raise WellhouseError(f"{error}; an erasure that was cut short goes on with --canaries FILE") from None
    return Subject([person_key], [], texts)


def erase(of: Settings, who: Subject, operator: str, purpose: str) -> Erased:
    """Destroy keys, originals and recordings, then delete every row; run again, it goes on where it was."""
    audit.record(of, operator, action="erase", path="subject", purpose=purpose, persons=who.persons)
    with db.connect("wh_ingest", of) as connection:
        there = connection.execute("select from vault.person where person_key = %s", (who.persons[0],)).fetchone()
    destroyed = {}
    if there is not None:
        done = shred(of, who.persons[0], purpose)
        destroyed = {"keys": done.keys, "originals": done.originals, "recordings": done.recordings}
    with Walk(of) as walk:
        rows = {table: count for table, count in walk.delete(who.persons).items() if count}
    return Erased(destroyed, rows, _now(of))


def certify(
    of: Settings, who: Subject, operator: str, purpose: str, done: Erased, aggregates: str, scan: Scan
) -> Certificate:
    """The certificate.

    :raises WellhouseError: a row or a text of the person is still there; where, and no certificate
    """
    with Walk(of) as walk:
        left = walk.count(who.persons)
    if any(left.values()):
        where = ", ".join(f"{table} ({rows})" for table, rows in left.items() if rows)
        raise WellhouseError(f"no certificate: rows are left in {where}")
    seen = scan(who.texts)
    if seen["hits"] or seen["unreadable"]:
        files = sorted({hit["path"] for hit in seen["hits"]} | set(seen["unreadable"]))
        raise WellhouseError(f"no certificate: in clear, or not to be read: {', '.join(files[:5])}")
    made = Certificate(
        certificate=f"E-{secrets.token_hex(8)}", persons=who.persons, sites=who.sites, purpose=purpose, by=operator,
        erased_at=done.at, destroyed=done.destroyed, rows_deleted=done.rows, walk=left,
        scan={"texts": len(who.texts), "files": seen["files"], "bytes": seen["bytes"], "hits": 0},
        aggregates=aggregates, certified_at=_now(of),
    )  # fmt: skip
    audit.record(of, operator, action="certify", path="subject", purpose=made.certificate, persons=who.persons)
    return made


def _now(of: Settings) -> str:
    from zoneinfo import ZoneInfo

    return dt.datetime.now(ZoneInfo(of.timezone)).isoformat(timespec="seconds")
