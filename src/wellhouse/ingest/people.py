"""Whom each record of a block is about: identifiers checked, resolved in the vault once a distinct combination."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from wellhouse.crypto.vault import Claim, Identifier, Person
from wellhouse.ingest import identity
from wellhouse.ingest.batch import Batch, Ints, each, groups
from wellhouse.ingest.dates import parse_date
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.identity import IdNumber, Rejected

_COMBINED = ("id_number", "mrn", "mrn_authority", "birth_date", "sex")
_KEPT = ("name", "phone", "employer", "address")


class Persons(Protocol):
    """Who knows persons by their identifiers: the vault."""

    def resolve(self, claims: Sequence[Claim], site: str) -> list[Person | None]:
        """The person of each claim; None: its identifiers belong to two."""
        ...


def identify(batch: Batch, vault: Persons) -> None:
    """Fill ``owner`` and ``persons``; reject the records whose person is unknown, doubtful or two persons."""
    columns = {role: c for role in (*_COMBINED, *_KEPT) if (c := batch.column(role)) is not None}
    combined = [each(columns[role], str)[1] for role in _COMBINED if role in columns]
    first, group = groups(*combined)
    claims: list[Claim] = []
    facts: list[tuple[str | None, int]] = []
    claimed: list[int] = []
    refused: dict[int, tuple[str, Rejected]] = {}
    distinct = pa.table({role: column.take(pa.array(first)) for role, column in columns.items()}).to_pylist()
    for number, cells in enumerate(distinct):
        try:
            claim, sex, born = _claim(batch, cells)
        except _RoleRejected as error:
            refused[number] = (error.role, error)
            continue
        claims.append(claim)
        facts.append((sex, born))
        claimed.append(number)
    _assign(batch, vault, claims, facts, claimed, group, refused, len(first))


class _RoleRejected(Rejected):
    def __init__(self, role: str, reason: str, expected: str) -> None:
        super().__init__(reason, expected)
        self.role = role


def _assign(
    batch: Batch, vault: Persons, claims: list[Claim], facts: list[tuple[str | None, int]], claimed: list[int],
    group: Ints,
    refused: dict[int, tuple[str, Rejected]], size: int,
) -> None:  # fmt: skip
    place: dict[int, int] = {}
    owner_of = np.full(size, -1, np.int32)
    for number, person, fact in zip(claimed, vault.resolve(claims, batch.layout.site), facts, strict=True):
        if person is None:
            refused[number] = ("id_number", Rejected("identity_conflict", "identifiers that belong to one person"))
            continue
        if person.person_key not in place:
            place[person.person_key] = len(batch.persons)
            batch.persons.append(person)
            batch.sexes.append(fact[0])
            batch.births.append(fact[1])
        index = place[person.person_key]
        batch.sexes[index] = batch.sexes[index] or fact[0]
        batch.births[index] = batch.births[index] or fact[1]
        owner_of[number] = index
    batch.owner = owner_of[group]
    for row in np.flatnonzero(batch.owner < 0).tolist():
        role, error = refused[int(group[row])]
        batch.reject(row, role, error.reason, error.expected)


def _claim(batch: Batch, cells: dict[str, str]) -> tuple[Claim, str | None, int]:
    """(claim, sex, birth date as yyyymmdd or 0) of one combination of cells."""
    identifiers: list[Identifier] = []
    card: IdNumber | None = None
    if cells.get("id_number", "").strip():
        try:
            card = identity.parse_id(cells["id_number"])
        except Rejected as error:
            raise _RoleRejected("id_number", error.reason, error.expected) from None
        identifiers.append(Identifier(card.identifier_type, "", card.number))
    if cells.get("mrn", "").strip():
        try:
            identifiers.append(Identifier("mrn", _authority(batch, cells), identity.parse_mrn(cells["mrn"])))
        except Rejected as error:
            raise _RoleRejected("mrn", error.reason, error.expected) from None
    if not identifiers:
        role = "id_number" if "id_number" in batch.layout.places else "mrn"
        raise _RoleRejected(role, "missing_identifier", "an ID number or the site's own number of the person")
    born = _birth(cells, card, batch.formats("birth_date"))
    sex = _sex(batch, cells, card)
    document = {role: text for role in _KEPT if (text := cells.get(role, "").strip())}
    if phone := identity.parse_phone(document.pop("phone", "")):
        document["phone"] = phone
    if card is not None:
        document["id_number"] = card.number
    if identifiers[-1].identifier_type == "mrn":
        document["mrn"] = identifiers[-1].number
    if born:
        document["birth_date"] = born.isoformat()
    return (
        Claim(tuple(identifiers), document),
        sex,
        0 if born is None else born.year * 10000 + born.month * 100 + born.day,
    )


def _authority(batch: Batch, cells: dict[str, str]) -> str:
    """Who gave the record number. Another authority's numbers are kept apart, and those of each site, too."""
    authority = cells.get("mrn_authority", "").strip()
    if not authority or authority in batch.layout.mapping.own_authorities:
        return batch.layout.site
    return f"{batch.layout.site}|{authority}"


def _birth(cells: dict[str, str], card: IdNumber | None, formats: tuple[str, ...]) -> dt.date | None:
    text = cells.get("birth_date", "").strip()
    known = card.birth_date if card else None
    if not text:
        return known
    born = parse_date(text, formats)
    if born is None:
        raise _RoleRejected("birth_date", "bad_date", "a date such as 2024-03-05")
    if known is not None and born != known:
        raise _RoleRejected("birth_date", "birth_date_mismatch", "the birth date that the ID number carries")
    if not dt.date(1880, 1, 1) <= born <= dt.date.today():
        raise _RoleRejected("birth_date", "impossible_date", "a birth date since 1880 and not in the future")
    return born


def _sex(batch: Batch, cells: dict[str, str], card: IdNumber | None) -> str | None:
    text = cells.get("sex", "").strip()
    known = card.sex if card else None
    if not text:
        return known
    sex = batch.layout.mapping.words.get("sex", {}).get(normal_name(text))
    if sex is None:
        raise _RoleRejected("sex", "unknown_word", "a word for sex that the mapping knows")
    if known is not None and sex != known:
        raise _RoleRejected("sex", "sex_mismatch", "the sex that the ID number carries")
    return sex


def emit_persons(batch: Batch, years: Ints | None = None) -> None:
    """``landing.person``: each living person of the block once. ``years``: birth year by age per record, 0 unknown."""
    alive = np.flatnonzero(batch.alive)
    owners, first = np.unique(batch.owner[alive], return_index=True)
    if not len(owners):
        return
    rows = alive[first]
    births = np.array(batch.births, np.int64)[owners] // 10000
    if years is not None:
        births = np.where(births == 0, years[rows], births)
    batch.emit("person", {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        "person_key": pa.array(batch.person_keys()[rows]),
        "sex": pa.array([batch.sexes[o] for o in owners.tolist()], pa.string()),
        "birth_year": pa.array(births.astype(np.int32), mask=births == 0),
    })  # fmt: skip
