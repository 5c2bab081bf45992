"""One HL7 v2 message → its results as rows of texts, under the paths of a mapping (HL7 v2.3 to v2.9, ORU^R01)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from wellhouse.ingest.formats import hl7v2_charset as charset
from wellhouse.ingest.formats import hl7v2_fields as fields
from wellhouse.ingest.formats.hl7v2_fields import NULL, Marks, Path, Segment
from wellhouse.ingest.mapping import Mapping

_BREAKS = re.compile(r"[\r\n]+")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])")
_VERSION = re.compile(r"2(\.[1-9]){0,2}")
_REMEMBERED = 65536
_UNKNOWN_SEX = frozenset("OUAN")
"""HL7 table 0001: other, unknown, ambiguous, not applicable."""
_USUAL = {"item_code": "OBX-3.1", "item": "OBX-3.2", "value": "OBX-5", "unit": "OBX-6", "status": "OBX-11"}
RESULT_ROLES = tuple(_USUAL)
"""Roles of a result itself, each said by one field of its OBX."""
_OF_AN_ORDER = frozenset(("ORC", "OBR", "OBX", "SPM"))
_READERS: dict[str, Callable[[str, Marks], str]] = {
    "name": fields.person_name, "address": fields.address, "phone": fields.phone,
    "birth_date": fields.day, "exam_date": fields.day, "unit": fields.unit,
}  # fmt: skip


class Refused(ValueError):
    """A message that is none of ours to read; ``reason`` is a code of docs/data_formats.md."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason)
        self.reason, self.expected = reason, expected


@dataclass
class Order:
    """An OBR with what belongs to it: ``results`` are rows of RESULT_ROLES."""

    segments: dict[str, Segment] = field(default_factory=dict)
    results: list[tuple[str, ...]] = field(default_factory=list)
    refused: list[tuple[int, str, str, str]] = field(default_factory=list)
    """(row of ``results``, role, reason, expected)"""


@dataclass
class Person:
    """A PID with its visit and orders."""

    segments: dict[str, Segment]
    orders: list[Order] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """``persons``: of each part that the message was cut into; ``processing``: MSH-11."""

    marks: Marks
    encoding: str
    declared: str
    lie: bool
    processing: str
    persons: list[Person]


class Reader:
    """Reads messages under one mapping; remembers what item codes, units and states of results said."""

    def __init__(self, mapping: Mapping) -> None:
        paths = {role: tuple(map(fields.path, spellings)) for role, spellings in mapping.columns.items()}
        self._of_results = [(role, _place(role, paths.get(role, ())), paths.pop(role, ())) for role in RESULT_ROLES]
        self._of_orders = {r: p for r, p in paths.items() if any(at.segment in _OF_AN_ORDER for at in p)}
        self._of_persons = {r: p for r, p in paths.items() if r not in self._of_orders}
        self._said: dict[Marks, dict[str, dict[str, str]]] = {}

    @property
    def roles(self) -> tuple[str, ...]:
        """Of every row that :meth:`rows` gives, in this order."""
        return (*self._of_persons, "mrn_authority", *self._of_orders, *RESULT_ROLES)

    def read(self, data: bytes, parts: int) -> Message:
        """
        :param data: the message with its framing
        :param parts: how many persons it was cut into
        :raises Refused: it is no message, or not one with results
        """
        decoded, declared = _decoded(data)
        lines = _lines(decoded.text)
        marks = fields.marks(lines[0], decoded.encoding) if lines else None
        if marks is None:
            raise Refused("bad_separators", "four different separators in MSH-1 and MSH-2, such as |^~\\&")
        msh = lines[0].split(marks.field)
        check_header(msh, marks)
        persons = self._persons(lines[1:], marks, ["MSH", marks.field, *msh[1:]])
        if len(persons) != parts:
            raise Refused("bad_segments", "one line a segment")
        processing = msh[10].split(marks.component)[0] if len(msh) > 10 else ""
        return Message(marks, decoded.encoding, declared, decoded.lie, processing, persons)

    def cells(self, person: Person, marks: Marks) -> list[str]:
        """What a person's segments say, as :attr:`roles` begins."""
        cells = {role: _first(role, paths, (person.segments,), marks)[0] for role, paths in self._of_persons.items()}
        if cells.get("sex", "").upper() in _UNKNOWN_SEX:
            cells["sex"] = ""
        return [*cells.values(), self._authority(person, marks)]

    def order_cells(self, person: Person, marks: Marks) -> list[list[str]]:
        """Of each order what its segments say, or the person's.

        An exam that the visit names has one date, so that results which come in later messages do not move it: when the
        visit began (PV1-44), else the day of its first order.
        """
        found = [
            {r: _first(r, paths, (order.segments, person.segments), marks) for r, paths in self._of_orders.items()}
            for order in person.orders
        ]
        number = self._of_persons.get("exam_number")
        visit = number is not None and bool(_first("exam_number", number, (person.segments,), marks)[0])
        began = _first("exam_date", (fields.path("PV1-44"),), (person.segments,), marks)[0]
        days = [began] if began else [c["exam_date"][0] for c in found if "exam_date" in c and c["exam_date"][0]]
        for cells in found:
            if days and (visit or ("exam_number" in cells and cells["exam_number"][1] not in _OF_AN_ORDER)):
                cells["exam_date"] = (min(days), "")
        return [[text for text, _ in cells.values()] for cells in found]

    def _authority(self, person: Person, marks: Marks) -> str:
        """Who assigned the record number that counts; blank when nobody is named."""
        for at in self._of_persons.get("mrn", ()):
            segment = person.segments.get(at.segment)
            if segment is not None and _text("mrn", at, segment, marks):
                said = at.repetition(segment, marks)
                return marks.plain(marks.component_of(said, 4)) if (at.segment, at.field) == ("PID", 3) else ""
        return ""

    def _persons(self, lines: list[str], marks: Marks, msh: Segment) -> list[Person]:
        person = Person({"MSH": msh})
        persons = [person]
        order: Order | None = None
        said = self._remembered(marks)
        for line in lines:
            name = line[:3]
            segment = line.split(marks.field)
            if name == "OBX":
                if order is None:
                    order = Order()
                    person.orders.append(order)
                self._result(order, segment, marks, said)
            elif name == "PID":
                if "PID" in person.segments:
                    person = Person({"MSH": msh})
                    persons.append(person)
                person.segments["PID"] = segment
                order = None
            elif name in ("ORC", "OBR"):
                if order is None or name in order.segments or order.results or name == "ORC":
                    order = Order()
                    person.orders.append(order)
                order.segments[name] = segment
            else:
                (person if order is None else order).segments.setdefault(name, segment)
        return persons

    def _result(self, order: Order, segment: Segment, marks: Marks, said: dict[str, dict[str, str]]) -> None:
        order.segments.setdefault("OBX", segment)
        if len(segment) < 6:
            segment = segment + [""] * (6 - len(segment))
        row = []
        size = len(segment)
        for role, place, paths in self._of_results:
            if place < 0:
                row.append(_value(order, segment, marks))
                continue
            raw = segment[place] if place < size else ""
            known = said[role]
            text = known.get(raw)
            if text is None:
                text = known[raw] = _first(role, paths, ({"OBX": segment},), marks)[0]
            row.append(text)
        if row[4] == "U" and not row[2]:
            order.refused.append((len(order.results), "value", "missing_value", "a value beside status U"))
        order.results.append(tuple(row))

    def _remembered(self, marks: Marks) -> dict[str, dict[str, str]]:
        said = self._said.setdefault(marks, {role: {} for role in RESULT_ROLES})
        for role, texts in said.items():
            if len(texts) > _REMEMBERED:
                said[role] = {}
        return said


def _place(role: str, paths: tuple[Path, ...]) -> int:
    """The one field of OBX that says this of a result; -1: OBX-5, which is read by its type.

    :raises ValueError: several fields, or none of OBX
    """
    places = {(at.segment, at.field) for at in paths}
    if role == "value" and places == {("OBX", 5)}:
        return -1
    if role == "value" or len(places) != 1 or next(iter(places))[0] != "OBX":
        raise ValueError(f"{role}, expected one field of OBX, such as {_USUAL[role]}")
    return next(iter(places))[1]


def _value(order: Order, segment: Segment, marks: Marks) -> str:
    kind = segment[2]
    if kind not in fields.VALUES:
        kind = kind.split(marks.component, 1)[0]
    if kind in fields.VALUES:
        return fields.value(segment[5], kind, marks)
    if segment[5] and segment[5] != NULL:
        known = " ".join(k for k in fields.VALUES if k)
        order.refused.append((len(order.results), "value", "unsupported_value_type", f"in OBX-2 one of: {known}"))
    return ""


def _decoded(data: bytes) -> tuple[charset.Decoded, str]:
    start = data.find(b"MSH")
    if data[:start].strip(b"\x0b\r\n \t") or start < 0:
        raise Refused("no_msh", "a message that starts with an MSH segment")
    end = data.find(b"\x1c", start)
    body = data[start : end if end >= 0 else len(data)]
    if b"\0" in body:
        raise Refused("nul_character", "text without NUL bytes")
    first = re.split(rb"[\r\n]", body, maxsplit=1)[0].split(body[3:4]) if len(body) > 3 else []
    declared = first[17].decode("ascii", "replace").strip() if len(first) > 17 else ""
    declared = declared.split("~", 1)[0].split("^", 1)[0]
    try:
        return charset.decode(body, declared), declared
    except charset.Undecodable:
        raise Refused("undecodable", "text in the character set of MSH-18, in UTF-8 or in GB18030") from None


def _lines(text: str) -> list[str]:
    """Segments; a line that is none goes on with the text before it."""
    lines: list[str] = []
    for line in _BREAKS.split(text):
        if _SEGMENT.match(line):
            lines.append(line)
        elif line.strip() and lines:
            lines[-1] += "\n" + line
    return lines


def check_header(msh: list[str], marks: Marks) -> None:
    """
    :param msh: ``msh[n - 1]`` is MSH-n: the separator itself is MSH-1
    :raises Refused: of another type or version than those that are read
    """
    kind = msh[8].split(marks.component) if len(msh) > 8 else [""]
    if kind[0] != "ORU" or (len(kind) > 1 and kind[1] not in ("", "R01")):
        raise Refused("unsupported_message", "a message of type ORU^R01 in MSH-9")
    version = msh[11].split(marks.component)[0] if len(msh) > 11 else ""
    if version and not _VERSION.fullmatch(version):
        raise Refused("unsupported_version", "HL7 version 2.x in MSH-12")


def _first(
    role: str, paths: tuple[Path, ...], segments: tuple[dict[str, Segment], ...], marks: Marks
) -> tuple[str, str]:
    """(text, segment it is from) of the first path that says something."""
    for at in paths:
        for known in segments:
            segment = known.get(at.segment)
            if segment is not None and at.field < len(segment) and (text := _text(role, at, segment, marks)):
                return text, at.segment
    return "", ""


def _text(role: str, at: Path, segment: Segment, marks: Marks) -> str:
    raw = at.repetition(segment, marks)
    if not raw or raw == NULL:
        return ""
    reader = _READERS.get(role)
    if reader is not None and at.component is None:
        return reader(raw, marks)
    return marks.plain(marks.component_of(raw, at.component or 1)).strip()
