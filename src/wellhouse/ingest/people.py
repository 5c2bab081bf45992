"""Whom each record of a block is about: identifiers checked, resolved in the vault once a distinct combination."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wellhouse.crypto.vault import Claim, Identifier, Person
from wellhouse.ingest import identity
from wellhouse.ingest.batch import Batch, Ints, codes, firsts, groups, strings
from wellhouse.ingest.dates import parse_date
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.identity import IdNumber, Rejected
from wellhouse.ingest.known import Fact

_COMBINED = ("id_number", "id_type", "id_country", "mrn", "mrn_authority", "patient_id", "birth_date", "sex", "name")
_TYPES = {normal_name(word): kind for kind, words in identity.TYPES.items() for word in words.split()}
_KEPT = ("phone", "employer", "address")
_UNSAID = frozenset(("9", "u", "o", "未说明", "未说明的性别", "未知的性别"))
"""Sexes that say none: GB/T 2261.1 has 0 and 9 for them."""
_ONE_PERSON = "identifiers, name, birth date and sex of one person, as they are known"


class Persons(Protocol):
    """Who knows persons by their identifiers: the vault."""

    def resolve(self, claims: Sequence[Claim], site: str) -> list[Person | None]:
        """The person of each claim; None: its identifiers belong to two."""
        ...


def identify(batch: Batch, vault: Persons) -> None:
    """Fill ``owner``, ``persons``, ``first_keys``; reject records whose person is unknown, doubtful or two persons."""
    _, run = batch.runs
    cells = {role: batch.heads(c) for role in (*_COMBINED, *_KEPT) if (c := batch.column(role)) is not None}
    first, group = groups(*(codes(cells[role]) for role in _COMBINED if role in cells))
    said = {role: strings(column.take(pa.array(first))) for role, column in cells.items()}
    doubted = any("000" in number and identity.is_rounded(number) for number in said.get("id_number", ()))
    facts: list[Fact | None] = []
    asked: list[tuple[int, bytes, Claim, str | None, int]] = []
    refused: dict[int, tuple[str, Rejected]] = {}
    known = batch.layout.known
    for number, words in enumerate(zip(*said.values(), strict=True)):
        digest = known.digest((batch.layout.mapping.source, *words))
        facts.append(known.recall(digest))
        if facts[-1] is None:
            try:
                asked.append((number, digest, *_claim(batch, dict(zip(cells, words, strict=True)), doubted)))
            except _RoleRejected as error:
                refused[number] = (error.role, error)
    persons = vault.resolve([claim for _, _, claim, _, _ in asked], batch.layout.site) if asked else []
    for (number, digest, claim, sex, born), person in zip(asked, persons, strict=True):
        if person is None:
            refused[number] = _nobody(claim)
            continue
        facts[number] = Fact(person, sex, born)
        known.remember(digest, Fact(person, sex, born))
    batch.owner = _owners(batch, facts)[group][run]
    named = [0 if f is None else f.person.first_key or f.person.person_key for f in facts]
    batch.first_keys = np.array(named, np.int64)[group][run]
    for row in np.flatnonzero(batch.owner < 0).tolist():
        role, reason = refused[int(group[run[row]])]
        batch.reject(row, role, reason.reason, reason.expected)


def _nobody(claim: Claim) -> tuple[str, Rejected]:
    if claim.must_be_known:
        return "patient_id", Rejected("unresolved_reference", "a Patient that this file or one before brings")
    return "id_number", Rejected("identity_conflict", _ONE_PERSON)


def _owners(batch: Batch, facts: list[Fact | None]) -> npt.NDArray[np.int32]:
    """Enter each person once, with what any record says of them; per fact their place among the batch's persons."""
    place: dict[int, int] = {}
    owner_of = np.full(len(facts), -1, np.int32)
    for number, fact in enumerate(facts):
        if fact is None:
            continue
        key = fact.person.person_key
        if key not in place:
            place[key] = len(batch.persons)
            batch.persons.append(fact.person)
            batch.sexes.append(fact.sex)
            batch.births.append(fact.born)
        index = place[key]
        batch.sexes[index] = batch.sexes[index] or fact.sex
        batch.births[index] = batch.births[index] or fact.born
        owner_of[number] = index
    return owner_of


class _RoleRejected(Rejected):
    def __init__(self, role: str, reason: str, expected: str) -> None:
        super().__init__(reason, expected)
        self.role = role


def _claim(batch: Batch, cells: dict[str, str], doubted: bool) -> tuple[Claim, str | None, int]:
    """(claim, sex, birth date as yyyymmdd or 0) of one combination of cells."""
    identifiers: list[Identifier] = []
    card: IdNumber | None = None
    if _said(cells, "id_number"):
        kind = _kind(batch, cells)
        try:
            card = identity.parse_id(cells["id_number"], kind, doubted)
        except Rejected as error:
            raise _RoleRejected("id_number", error.reason, error.expected) from None
        # countries count their passports each for themselves; the resident's number is one for all
        issuer = "" if card.identifier_type == "id_number" else identity.clean(cells.get("id_country", ""))
        identifiers.append(Identifier(card.identifier_type, issuer, card.number))
    if _said(cells, "mrn"):
        try:
            identifiers.append(Identifier("mrn", _authority(batch, cells), identity.parse_mrn(cells["mrn"])))
        except Rejected as error:
            raise _RoleRejected("mrn", error.reason, error.expected) from None
    refers = not identifiers and not any(cells.get(role) for role in ("name", "sex", "birth_date"))
    if cells.get("patient_id"):
        identifiers.append(Identifier("patient_id", "", cells["patient_id"]))
    if not identifiers:
        role = "id_number" if "id_number" in batch.layout.places else "mrn"
        raise _RoleRejected(role, "missing_identifier", "an ID number or the site's own number of the person")
    born = _birth(cells, card, batch.formats("birth_date"))
    sex = _sex(batch, cells, card)
    document = {role: text for role in ("name", *_KEPT) if (text := cells.get(role, "").strip())}
    if phone := identity.parse_phone(document.pop("phone", "")):
        document["phone"] = phone
    if card is not None:
        document["id_number"] = card.number
    record_number = next((i.number for i in identifiers if i.identifier_type == "mrn"), None)
    if record_number is not None:
        document["mrn"] = record_number
    if born:
        document["birth_date"] = born.isoformat()
    if sex:
        document["sex"] = sex
    return (
        Claim(tuple(identifiers), document, must_be_known=refers),
        sex,
        0 if born is None else born.year * 10000 + born.month * 100 + born.day,
    )


def _said(cells: dict[str, str], role: str) -> bool:
    return bool(cells.get(role, "").strip()) and not identity.names_nobody(cells[role])


def _kind(batch: Batch, cells: dict[str, str]) -> str | None:
    """Of what type the file says the document is."""
    text = cells.get("id_type", "").strip()
    if not text:
        return None
    kind = (_TYPES | batch.layout.mapping.words.get("id_type", {})).get(normal_name(text))
    if kind is None:
        raise _RoleRejected("id_type", "unknown_word", f"a type of document: {', '.join(sorted(identity.TYPES))}")
    return kind


def _authority(batch: Batch, cells: dict[str, str]) -> str:
    """Who gave the record number. Another authority's numbers are kept apart, and those of each site, too."""
    authority = cells.get("mrn_authority", "").strip()
    if not authority or authority in batch.layout.mapping.own_authorities:
        return batch.layout.site
    return f"{batch.layout.site}|{authority}"


def _birth(cells: dict[str, str], card: IdNumber | None, formats: tuple[str, ...]) -> dt.date | None:
    text = cells.get("birth_date", "").strip()
    known = card.birth_date if card else None
    if not text or identity.names_nobody(text):
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
    if not text or identity.names_nobody(text) or normal_name(text) in _UNSAID:
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
    first = firsts(batch.owner[alive].astype(np.int64), len(batch.persons))
    owners = np.flatnonzero(first >= 0)
    if not len(owners):
        return
    rows = alive[first[owners]]
    births = np.array(batch.births, np.int64)[owners] // 10000
    if years is not None:
        births = np.where(births == 0, years[rows], births)
    batch.emit("person", {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        "person_key": pa.array(batch.person_keys()[rows]),
        "sex": pa.array([batch.sexes[o] for o in owners.tolist()], pa.string()),
        "birth_year": pa.array(births.astype(np.int32), mask=births == 0),
    })  # fmt: skip
