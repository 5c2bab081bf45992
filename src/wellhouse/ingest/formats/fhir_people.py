"""Whom a FHIR resource is about: a Patient's identifiers and facts as cells, references resolved within the file."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from wellhouse.ingest import identity
from wellhouse.ingest.formats.fhir_types import Address, Identifier, Kind, Name, Patient, Period, Reference

_IDENTIFIERS = 3
ROLES = ("id_number", "mrn", "mrn_authority", "patient_id", "name", "sex", "birth_date", "phone", "address")
"""Of a person's cells, in this order."""

_RESIDENT_SYSTEMS = frozenset({"2.16.156.10011.1.3"})
"""居民身份证号: the identifier system of the Chinese document standards (WS/T 500)."""
_RESIDENT_TYPES = frozenset({"NNCHN", "CIN"})
"""National identifier of CHN (HL7 v2-0203); 公民身份号码 of Chinese implementation guides."""
_PASSPORT_TYPES = frozenset({"PPN"})
_PASSPORT_SYSTEM = "http://hl7.org/fhir/sid/passport-"
_RECORD_TYPES = frozenset({"MR", "PI"})
_OUTDATED = frozenset({"old", "temp"})
_SEPARATOR = "\x1f"
_HISTORY = re.compile(r"/_history/[^/]*$")
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}")
_IDENTIFIER_QUERY = re.compile(r"Patient\?identifier=(?:([^|&]*)\|)?([^|&]+)")


class Unresolved(ValueError):
    """Whom a resource is about cannot be told; ``reason`` is a code of docs/data_formats.md."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason)
        self.reason, self.expected = reason, expected


def cells(patient: Patient, own: frozenset[str], address: str = "") -> str:
    """A person's cells, packed: there may be many.

    :param own: identifier systems that are the site's own numbering
    :param address: of the Patient on a server whose ids hold from file to file
    """
    number, mrn, authority = _identifiers(patient.identifier, own)
    phone = next((t.value for use in ("mobile", None) for t in patient.telecom
                  if t.system == "phone" and t.value and t.use != "old" and use in (t.use, None)), "")  # fmt: skip
    home = next((a for a in patient.address if a.use != "old"), None)
    sex = patient.gender or ""
    said = (
        number, mrn, authority, address, _name(patient.name), "" if sex in ("other", "unknown") else sex,
        patient.birthDate or "", phone or "", _address(home) if home else "",
    )  # fmt: skip
    return _SEPARATOR.join(_plain(text) for text in said)


def unpack(persons: Iterable[str]) -> list[list[str]]:
    return [person.split(_SEPARATOR) for person in persons]


def _plain(text: str) -> str:
    return text.replace(_SEPARATOR, " ")


def _identifiers(identifiers: list[Identifier], own: frozenset[str]) -> tuple[str, str, str]:
    """(ID number, record number, its authority), blank where there is none.

    A passport counts when its form is a known one. A record number is one that says it is, or has a namespace and
    says nothing of its type; a number without either could be anything and is nobody's.
    """
    resident = passport = ""
    records: list[tuple[int, str, str]] = []
    for i in identifiers:
        value = (i.value or "").strip()
        if not value or i.use in _OUTDATED or _has_ended(i.period):
            continue
        types = {c.code for c in i.type.coding if c.code} if i.type else set()
        system = (i.system or "").removeprefix("urn:oid:")
        if system in _RESIDENT_SYSTEMS or types & _RESIDENT_TYPES:
            resident = resident or value
        elif types & _PASSPORT_TYPES or (i.system or "").startswith(_PASSPORT_SYSTEM):
            passport = passport or (value if _readable(value) else "")
        elif i.system in own:
            records.append((0, value, ""))
        elif types & _RECORD_TYPES:
            records.append((1, value, i.system or ""))
        elif not types and i.system:
            records.append((2, value, i.system))
    _, mrn, authority = min(records, key=lambda r: r[0], default=(0, "", ""))
    return resident or passport, mrn, authority


def _has_ended(period: Period | None) -> bool:
    """The last day of a period, or its last month or year where it says no more, still belongs to it."""
    end = (period.end or "")[:10] if period is not None else ""
    return bool(end) and end < dt.date.today().isoformat()[: len(end)]


def _readable(number: str) -> bool:
    try:
        return identity.parse_id(number).identifier_type == "passport"
    except identity.Rejected:
        return False


def _name(names: list[Name]) -> str:
    for use in ("official", "usual", None):
        for name in names:
            if (name.use == use or use is None) and name.use not in ("old", "maiden"):
                return name.text or _joined(name)
    return ""


def _joined(name: Name) -> str:
    given = [g for g in name.given if g]
    family = name.family or ""
    if any(unicodedata.name(c, "").startswith("CJK") for c in family):
        return family + "".join(given)
    return " ".join([*given, *([family] if family else [])])


def _address(address: Address) -> str:
    parts = (*address.line, address.district, address.city, address.state, address.postalCode)
    return address.text or " ".join(p for p in parts if p)


@dataclass
class Register:
    """The patients of a file by what refers to them: ``fullUrl``, ``Patient/id``.

    A reference that fits two patients of different servers resolves to neither.
    """

    own: frozenset[str] = frozenset()
    server: str = ""
    """Base address of a server whose patient ids hold from file to file."""
    _persons: dict[str, str | None] = field(default_factory=dict)
    _servers: dict[str, str] = field(default_factory=dict)

    def add(self, patient: Patient, full_url: str | None) -> str:
        """Remember; of several versions of one patient the last stands, an id that two patients have names neither."""
        packed = self.packed(patient, full_url)
        if full_url:
            self._persons[full_url] = packed
        if patient.id:
            reference = f"Patient/{patient.id}"
            server = full_url.removesuffix(reference) if full_url and full_url.endswith(reference) else ""
            known = self._servers.setdefault(reference, server) if server else ""
            held = self._persons.get(reference, packed)
            same = held is not None and held.split(_SEPARATOR)[:_IDENTIFIERS] == packed.split(_SEPARATOR)[:_IDENTIFIERS]
            self._persons[reference] = packed if known == server and same else None
            if known != server:
                self._servers[reference] = "several"
        return packed

    def packed(self, patient: Patient, full_url: str | None) -> str:
        address = f"{self.server}/Patient/{patient.id}" if self.server and patient.id else ""
        return cells(patient, self.own, address if full_url in (None, address) else "")

    def resolve(self, subject: Reference | None, full_url: str | None, contained: list[msgspec.Raw]) -> str:
        """The cells of whom ``subject`` names; ``full_url``: of the resource that refers.

        :raises Unresolved: nobody, somebody who is not in the file, or something that is no patient
        """
        if subject is None or (subject.reference is None and subject.identifier is None):
            raise Unresolved("missing_subject", "a subject that is a Patient")
        reference = subject.reference
        if reference is None:
            return _by_identifier(subject.identifier, self.own)
        if reference.startswith("#"):
            return self._contained(reference[1:], contained)
        if full_url is None and (found := self._persons.get(reference)) is not None:
            return found
        reference = _HISTORY.sub("", reference)
        query = _IDENTIFIER_QUERY.fullmatch(reference)
        if query is not None:
            return _by_identifier(Identifier(system=query[1], value=query[2]), self.own)
        found = self._persons.get(_beside(full_url, reference)) if full_url and _RELATIVE.fullmatch(reference) else None
        if found is None and self._may_be_of(full_url, reference):
            found = self._persons.get(reference)
        if found is not None:
            return found
        elsewhere = self._elsewhere(reference, full_url)
        if elsewhere:
            return _SEPARATOR.join(("", "", "", elsewhere, *("",) * (len(ROLES) - 4)))
        kind = reference.rsplit("/", 2)[-2] if "/" in reference else ""
        if kind and kind != "Patient" and not reference.startswith("urn:"):
            raise Unresolved("unsupported_subject", "a subject that is a Patient")
        raise Unresolved(
            "unresolved_reference", "a subject that is a Patient of this file, or of the mapping's fhir_server"
        )

    def _may_be_of(self, full_url: str | None, reference: str) -> bool:
        """Whether a reference of a resource may mean whom it means in the file: not where they are of two servers."""
        server = self._servers.get(reference, "")
        named = full_url is not None and "://" in full_url
        return not server or not named or _beside(full_url or "", reference) == server + reference

    def _elsewhere(self, reference: str, full_url: str | None) -> str:
        """The address of a Patient that another file may have brought; blank when nobody vouches for the id."""
        if not self.server or (full_url is not None and not full_url.startswith(f"{self.server}/")):
            return ""
        address = reference if reference.startswith(f"{self.server}/") else f"{self.server}/{reference}"
        return address if address.startswith(f"{self.server}/Patient/") and "Patient/" in reference else ""

    def _contained(self, name: str, contained: list[msgspec.Raw]) -> str:
        for raw in contained:
            kind = _kind(raw)
            if kind.id == name or kind.id == f"#{name}":
                if kind.resourceType != "Patient":
                    raise Unresolved("unsupported_subject", "a subject that is a Patient")
                return cells(_patient(raw), self.own)
        raise Unresolved("unresolved_reference", "a subject that is a Patient of this file")


_kind: Callable[[msgspec.Raw], Kind] = msgspec.json.Decoder(Kind).decode
_patient: Callable[[msgspec.Raw], Patient] = msgspec.json.Decoder(Patient).decode


def _by_identifier(identifier: Identifier | None, own: frozenset[str]) -> str:
    """A logical reference names no resource: the number itself says who."""
    number, mrn, authority = _identifiers([identifier] if identifier else [], own)
    if not number and not mrn:
        raise Unresolved("unresolved_reference", "a subject that is a Patient of this file")
    return _SEPARATOR.join((number, mrn, authority, *("",) * (len(ROLES) - 3)))


def _beside(full_url: str, reference: str) -> str:
    """A relative reference, on the server that the resource which holds it is from."""
    return "/".join([*full_url.split("/")[:-2], reference])
