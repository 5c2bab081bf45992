"""FHIR resources → rows of text under the roles of a mapping: results, answers, plan items, and persons alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wellhouse.ingest import values
from wellhouse.ingest.dates import day_of
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.formats import fhir_types as fhir
from wellhouse.ingest.formats.fhir_forms import Forms
from wellhouse.ingest.formats.fhir_people import ROLES as PERSON
from wellhouse.ingest.formats.fhir_people import Register, unpack
from wellhouse.ingest.header import Header
from wellhouse.ingest.values import Kind

Ints = npt.NDArray[np.int64]
Cells = tuple[int | str, ...]

PARTS: dict[str, dict[str, str]] = {
    "exam": {
        "exam_number": "encounter", "exam_date": "effective", "item_code": "code.coding", "item": "code.text",
        "value": "value", "unit": "value.unit", "status": "status",
    },
    "questionnaire": {
        "number": "QuestionnaireResponse.identifier", "questionnaire": "questionnaire", "version": "version",
        "answered_on": "authored", "question": "item.linkId", "defined": "Questionnaire.item.text",
        "answer": "item.answer", "status": "status",
    },
    "care_plan": {
        "number": "CarePlan.identifier", "date": "period", "category": "category", "item": "activity.detail.code",
        "target": "activity.detail.quantity", "unit": "activity.detail.quantity.unit", "status": "status",
    },
    "person": {},
}  # fmt: skip
"""By source, the roles of its rows after those of the person, and the element of FHIR that each is."""
PERSON_ELEMENTS = (
    "Patient.identifier", "Patient.identifier (record number)", "Patient.identifier.system", "subject.reference",
    "Patient.name", "Patient.gender", "Patient.birthDate", "Patient.telecom", "Patient.address",
)  # fmt: skip

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_STATUS = {"amended": "corrected", "appended": "corrected", "partial": "preliminary"}
_WITHDRAWN = "entered-in-error"
_TAKEN_BACK = frozenset({"cancelled", _WITHDRAWN})
_UNFINISHED = frozenset({"in-progress", "stopped", "draft", "revoked", "unknown"})
_ANSWERS = {
    "260385009": "neg", "260415000": "neg", "2667000": "neg", "10828004": "pos", "260373001": "pos", "52101004": "pos",
    "260405006": "+-", "LA6577-6": "neg", "LA11883-8": "neg", "LA9634-2": "neg", "LA6576-8": "pos", "LA11882-0": "pos",
    "LA9633-4": "pos", "NEG": "neg", "POS": "pos",
}  # fmt: skip
"""Coded findings of SNOMED CT, LOINC answer lists and v3 ObservationInterpretation that are ordinal results."""


class Refused(ValueError):
    """A resource that is no record; ``reason`` is a code of docs/data_formats.md."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason)
        self.reason, self.expected = reason, expected


@dataclass
class Rows:
    """The rows of one piece, by source: (record, person, *cells)."""

    tuples: dict[str, list[Cells]] = field(default_factory=lambda: {name: [] for name in PARTS})

    def tables(self) -> Iterator[tuple[str, pa.Table, Ints]]:
        """(source, table, record of each row); columns are named by their place."""
        for source, tuples in self.tuples.items():
            if tuples:
                records, persons, *cells = zip(*tuples, strict=True)
                encoded = pa.array(persons, pa.string()).dictionary_encode()
                columns = [
                    pa.array(column, pa.string()).take(encoded.indices)
                    for column in zip(*unpack(encoded.dictionary.to_pylist()), strict=True)
                ]
                columns += [pa.array(column, pa.string()) for column in cells]
                names = [str(i) for i in range(len(columns))]
                yield source, pa.table(columns, names=names), np.array(records, np.int64)

    def drop(self, record: int) -> None:
        """Take back the rows of the last record."""
        for tuples in self.tuples.values():
            while tuples and tuples[-1][0] == record:
                tuples.pop()

    def holds(self, record: int, character: str) -> bool:
        """Whether a cell of the last record does."""
        for tuples in self.tuples.values():
            for row in reversed(tuples):
                if row[0] != record:
                    break
                if any(character in cell for cell in row if isinstance(cell, str)):
                    return True
        return False


def header(source: str) -> Header:
    """Of a source's table, as if a file had these columns."""
    roles = (*PERSON, *PARTS[source])
    return Header((*PERSON_ELEMENTS, *PARTS[source].values()), {role: i for i, role in enumerate(roles)}, ())


def nothing(source: str) -> tuple[pa.Table, Ints]:
    """A table without rows."""
    size = len(PERSON) + len(PARTS[source])
    return pa.table([pa.array([], pa.string())] * size, names=[str(i) for i in range(size)]), np.empty(0, np.int64)


@dataclass
class Reader:
    """Reads resources of one file; what they refer to is registered beforehand."""

    register: Register
    codes: frozenset[str] = frozenset()
    """Local codes and names that the mapping knows, normalised."""
    forms: Forms = field(default_factory=Forms)
    visits: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Encounter → its own number, its first day."""
    deletions: set[str] = field(default_factory=set)
    """``Type/id`` of the file's own resources that it deletes."""
    withdrawn: set[str] = field(default_factory=set)
    """Those of them that are not there again later."""

    def remember(self, resource: fhir.Resource, full_url: str | None) -> None:
        """What other resources may refer to."""
        if isinstance(resource, fhir.Patient):
            self.register.add(resource, full_url)
        elif isinstance(resource, fhir.Questionnaire):
            self.forms.add(resource)
        elif isinstance(resource, fhir.Encounter):
            self._visit(resource, full_url)

    def _visit(self, of: fhir.Encounter, full_url: str | None) -> None:
        """Only visits with a number of their own: without one, the reference itself tells them apart."""
        own = next((i.value for i in of.identifier if i.value and i.use not in ("old", "temp")), None)
        if own and own != of.id and of.status != _WITHDRAWN:
            start = day_of(of.period.start if of.period else None)
            for reference in (full_url, f"Encounter/{of.id}"):
                if reference:
                    self.visits[reference] = (own, start)

    def read(self, rows: Rows, record: int, resource: fhir.Resource, full_url: str | None) -> None:
        """Append the rows of a record.

        :raises Refused: it cannot be taken
        :raises Unresolved: whom it is about cannot be told
        """
        self._READERS[type(resource)](self, rows, record, resource, full_url)

    def _patient(self, rows: Rows, record: int, of: fhir.Patient, full_url: str | None) -> None:
        rows.tuples["person"].append((record, self.register.packed(of, full_url)))

    def _encounter(self, rows: Rows, record: int, of: fhir.Encounter, full_url: str | None) -> None:
        if of.status == _WITHDRAWN:
            raise Refused("entered_in_error", "an Encounter that took place")
        rows.tuples["person"].append((record, self.register.resolve(of.subject, full_url, of.contained)))

    def _observation(self, rows: Rows, record: int, of: fhir.Observation, full_url: str | None) -> None:
        person = self.register.resolve(of.subject, full_url, of.contained)
        status = _status(of.status)
        if self.withdrawn and f"Observation/{of.id}" in self.withdrawn:
            status = _WITHDRAWN
        day = _day(of)
        number = self._number(of.encounter, day)
        self._results(rows, record, of, person, number, day, status)
        if of.contained:
            self._members(rows, record, of.contained, person, number, day, status)

    def _report(self, rows: Rows, record: int, of: fhir.DiagnosticReport, full_url: str | None) -> None:
        if not of.result and not of.contained:
            raise Refused("no_content", "results, contained or referenced")
        person = self.register.resolve(of.subject, full_url, of.contained)
        day = _day(of)
        number = self._number(of.encounter, day)
        if not self._members(rows, record, of.contained, person, number, day, _status(of.status)):
            # its results are records of their own
            rows.tuples["person"].append((record, person))

    def _members(
        self, rows: Rows, record: int, contained: list[msgspec.Raw], person: str, number: str, day: str, status: str
    ) -> bool:
        """The Observations inside another resource, which are about the same person; whether there are any."""
        found = False
        for raw in contained:
            if _kind(raw).resourceType == "Observation":
                found = True
                member = _observation(raw)
                if member.contained:
                    raise Refused("nested_contained", "contained resources that contain none themselves")
                of_member = status if status in _TAKEN_BACK or not member.status else _status(member.status)
                own_day = _day(member, day)
                own_number = self._number(member.encounter, own_day) if member.encounter else number
                self._results(rows, record, member, person, own_number, own_day, of_member)
        return found

    def _results(
        self, rows: Rows, record: int, of: fhir.Observation, person: str, number: str, day: str, status: str
    ) -> None:
        text, unit = _value(of)
        append = rows.tuples["exam"].append
        if text or not of.component:
            append((record, person, number, day, *self._item(of.code), text, unit, status))
        for part in of.component:
            append((record, person, number, day, *self._item(part.code), *_value(part), status))

    def _item(self, code: fhir.Concept | None) -> tuple[str, str]:
        """(code, name): what the mapping knows, else LOINC's, else the first.

        A name is only said of what LOINC does not code: the same name may stand for another specimen.
        """
        if code is None:
            return "", ""
        loinc = first = ""
        for coding in code.coding:
            own = coding.code
            if not own:
                continue
            if self.codes and normal_name(own) in self.codes:
                return own, ""
            if coding.system == LOINC and own[-2:-1] == "-":  # others call their own codes so, too
                loinc = loinc or own
            else:
                first = first or own
        name = code.text or next((c.display for c in code.coding if c.display), "") or ""
        if not loinc or (self.codes and normal_name(name) in self.codes):
            return loinc or first, name
        return loinc, ""

    def _number(self, encounter: fhir.Reference | None, day: str) -> str:
        """An exam is what one visit brought on one day; blank: what one person's day brought."""
        if encounter is None or not encounter.reference or encounter.reference[0] == "#":
            return ""
        reference = encounter.reference
        own, start = self.visits.get(reference, ("", ""))
        if own:
            return own if day == start or not start else f"{own}|{day}"
        return f"{reference.rpartition('urn:uuid:')[2] if reference[:4] == 'urn:' else _tail(reference)}|{day}"

    def _response(self, rows: Rows, record: int, of: fhir.QuestionnaireResponse, full_url: str | None) -> None:
        status = self._standing(of, "a response that is completed or amended")
        person = self.register.resolve(of.subject, full_url, of.contained)
        form = self.forms.find(of.questionnaire, of.contained)
        number = (of.identifier.value if of.identifier else None) or of.id
        authored = day_of(of.authored)
        if not number:
            number = f"{person}|{form.code}|{of.authored or ''}"
        answers = [*form.answers(of.item)]
        if not answers and status != _WITHDRAWN:
            raise Refused("no_content", "at least one answer")
        said: Counter[str] = Counter()
        # one that is withdrawn without its answers takes back all that the response of this number ever said
        for question, wording, answer in answers or [("", "", "")]:
            said[question] += 1
            place = question if said[question] == 1 else f"{question}#{said[question]}"
            rows.tuples["questionnaire"].append(
                (record, person, number, form.code, form.version, authored, place, wording, answer, status)
            )

    def _plan(self, rows: Rows, record: int, of: fhir.CarePlan, full_url: str | None) -> None:
        status = self._standing(of, "a plan that stands")
        person = self.register.resolve(of.subject, full_url, of.contained)
        details = [a.detail for a in of.activity if a.detail is not None]
        number = next((i.value for i in of.identifier if i.value), None) or of.id or ""
        if status == _WITHDRAWN:
            details = [d for d in details if d.code]
            if not details and number.strip():
                # it takes back all that the plan of this number ever said
                rows.tuples["care_plan"].append((record, person, number, "", "", "", "", "", status))
                return
        if not details:
            raise Refused("no_content", "activities with a detail")
        category = next(iter(_words(of.category)), "")
        for detail in details:
            start = detail.scheduledPeriod.start if detail.scheduledPeriod else None
            day = day_of(start or (of.period.start if of.period else None) or of.created)
            # what is told in its description may be anything, of whom it is about, too
            name = next(iter(_words([detail.code] if detail.code else [])), "")
            amount = detail.dailyAmount or detail.quantity
            target, unit = _quantity(amount) if amount else ("", "")
            rows.tuples["care_plan"].append((record, person, number, day, category, name, target, unit, status))

    def _standing(self, of: fhir.QuestionnaireResponse | fhir.CarePlan, expected: str) -> str:
        """The status of its rows: a withdrawn one takes back what it says.

        :raises Refused: it is not finished
        """
        if of.status in _UNFINISHED:
            raise Refused("not_final", expected)
        if of.status == _WITHDRAWN or f"{type(of).__name__}/{of.id}" in self.withdrawn:
            return _WITHDRAWN
        return "corrected" if of.status == "amended" else "final"

    _READERS: ClassVar[dict[type, Callable[..., None]]] = {
        fhir.Patient: _patient,
        fhir.Encounter: _encounter,
        fhir.Observation: _observation,
        fhir.DiagnosticReport: _report,
        fhir.QuestionnaireResponse: _response,
        fhir.CarePlan: _plan,
    }


_kind = msgspec.json.Decoder(fhir.Kind).decode
_observation = msgspec.json.Decoder(fhir.Observation).decode


def _status(status: str | None) -> str:
    """An Observation's or DiagnosticReport's, as the results' status; blank is final."""
    return _STATUS.get(status or "", status or "")


def _day(of: fhir.Observation | fhir.DiagnosticReport, report: str = "") -> str:
    """The day on the clock of the place where it was observed, or at the centre where the clock was UTC.

    :param report: the day of the report that contains it, which counts before the day on which it was made public
    """
    moment = of.effectiveDateTime
    if moment is None and of.effectivePeriod is not None:
        moment = of.effectivePeriod.start or of.effectivePeriod.end
    if moment is None and isinstance(of, fhir.Observation):
        moment = of.effectiveInstant
    return day_of(moment) or report or day_of(of.issued)


def _value(of: fhir.Valued) -> tuple[str, str]:
    """(text, unit); blank when there is none. What is neither number nor word is left to fail as that."""
    quantity = of.valueQuantity
    if quantity is not None:
        return _quantity(quantity)
    if of.valueCodeableConcept is not None:
        return _finding(of.valueCodeableConcept), ""
    if of.valueString is not None:
        return of.valueString, ""
    number = _digits(of.valueInteger)
    if number:
        return number, ""
    return _other(of), ""


def _other(of: fhir.Valued) -> str:
    if of.valueBoolean is not None:
        return "true" if of.valueBoolean else "false"
    if of.valueRatio is not None:
        parts = (of.valueRatio.numerator, of.valueRatio.denominator)
        return ":".join(_quantity(p)[0] if p else "?" for p in parts)
    if of.valueRange is not None:
        return "~".join(_quantity(p)[0] if p else "?" for p in (of.valueRange.low, of.valueRange.high))
    if of.valuePeriod is not None:
        return f"{of.valuePeriod.start or '?'}~{of.valuePeriod.end or '?'}"
    if of.valueSampledData is not msgspec.UNSET:
        return "(SampledData)"
    return of.valueDateTime or of.valueTime or ""


def _quantity(quantity: fhir.Quantity) -> tuple[str, str]:
    number = _digits(quantity.value)
    if not number:
        return "", ""
    unit = quantity.code if quantity.system == UCUM and quantity.code else quantity.unit or quantity.code or ""
    return (quantity.comparator or "") + number, unit


def _digits(raw: msgspec.Raw) -> str:
    text = str(memoryview(raw), "utf-8").strip()
    return "" if text == "null" else text


def _finding(concept: fhir.Concept) -> str:
    """As written, unless only the code says which ordinal result it is."""
    written = [*([concept.text] if concept.text else []), *(c.display for c in concept.coding if c.display)]
    for text in written:
        if values.parse_text(text).kind in (Kind.WORD, Kind.NUMBER):
            return text
    for coding in concept.coding:
        if coding.code in _ANSWERS:
            return _ANSWERS[coding.code]
    return next(iter(written), "") or next((c.code for c in concept.coding if c.code), "")


def _words(concepts: list[fhir.Concept]) -> Iterator[str]:
    for concept in concepts:
        for text in (concept.text, *(c.display for c in concept.coding), *(c.code for c in concept.coding)):
            if text:
                yield text


def _tail(reference: str) -> str:
    return "/".join(reference.split("/_history/")[0].split("/")[-2:])
