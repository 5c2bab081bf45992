"""Questionnaires of a file: what a response's link ids and coded answers stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from wellhouse.ingest.formats import fhir_types as fhir

LOINC = "http://loinc.org"
_ORDINAL = frozenset({
    "http://hl7.org/fhir/StructureDefinition/ordinalValue", "http://hl7.org/fhir/StructureDefinition/itemWeight",
})  # fmt: skip


@dataclass(frozen=True)
class Form:
    """One questionnaire; a question is known by its LOINC code where it has one, else by its link id."""

    code: str
    version: str
    questions: dict[str, str] = field(default_factory=dict)
    scores: dict[tuple[str, str], str] = field(default_factory=dict)
    """(link id, code of an option) → its score"""
    wordings: dict[str, str] = field(default_factory=dict)
    """Link id → how the form words it."""

    def answers(self, items: list[fhir.ResponseItem]) -> Iterator[tuple[str, str, str]]:
        """(question, how the form words it, answer) of all items in order, however deep, groups in answers included."""
        waiting = list(reversed(items))
        while waiting:
            item = waiting.pop()
            link = item.linkId
            for answer in item.answer:
                text = self._answer(link, answer)
                if text:
                    yield self.questions.get(link) or link.rsplit("/", 1)[-1], self.wordings.get(link, ""), text
            below = [i for answer in item.answer for i in answer.item] + item.item
            waiting.extend(reversed(below))

    def _answer(self, link: str, of: fhir.Answer) -> str:
        if of.valueCoding is not None:
            return self._coded(link, of.valueCoding)
        if of.valueBoolean is not None:
            return "true" if of.valueBoolean else "false"
        numbers = (of.valueDecimal, of.valueInteger, *((of.valueQuantity.value,) if of.valueQuantity else ()))
        for raw in numbers:
            digits = str(memoryview(raw), "utf-8").strip()
            if digits and digits != "null":
                return digits
        if of.valueAttachment is not msgspec.UNSET:
            return "(Attachment)"
        if of.valueReference is not msgspec.UNSET:
            return "(Reference)"
        return of.valueString or of.valueDate or of.valueDateTime or of.valueTime or of.valueUri or ""

    def _coded(self, link: str, coding: fhir.Coding) -> str:
        """The score that comes with it, a LOINC answer's code, else its words."""
        score = _score(coding) or self.scores.get((link, coding.code or ""))
        if score:
            return score
        if coding.system == LOINC and coding.code:
            return coding.code
        return coding.display or coding.code or ""


@dataclass
class Forms:
    """The questionnaires of a file by what refers to them."""

    _forms: dict[str, Form] = field(default_factory=dict)

    def add(self, of: fhir.Questionnaire) -> None:
        form = _form(of)
        for reference in (of.url, f"{of.url}|{of.version}", f"Questionnaire/{of.id}"):
            if reference:
                self._forms[reference] = form

    def find(self, canonical: str | None, contained: list[msgspec.Raw]) -> Form:
        """The form of a response, or one that knows no more than its name says; blank when it names none."""
        if not canonical:
            return Form("", "")
        if canonical.startswith("#"):
            for raw in contained:
                kind = _kind(raw)
                if kind.resourceType == "Questionnaire" and kind.id == canonical[1:]:
                    return _form(_questionnaire(raw))
        url, _, version = canonical.partition("|")
        known = self._forms.get(canonical) or self._forms.get(url)
        return known or Form(url.rstrip("/").rsplit("/", 1)[-1].lstrip("#"), version)


_kind = msgspec.json.Decoder(fhir.Kind).decode
_questionnaire = msgspec.json.Decoder(fhir.Questionnaire).decode


def _form(of: fhir.Questionnaire) -> Form:
    questions: dict[str, str] = {}
    scores: dict[tuple[str, str], str] = {}
    wordings: dict[str, str] = {}
    waiting = list(of.item)
    while waiting:
        item = waiting.pop()
        loinc = _loinc(item.code)
        if loinc:
            questions[item.linkId] = loinc
        if item.text:
            wordings[item.linkId] = item.text
        for option in item.answerOption:
            if option.valueCoding is not None and (score := _score(option.valueCoding)):
                scores[item.linkId, option.valueCoding.code or ""] = score
        waiting.extend(item.item)
    code = _loinc(of.code) or of.name or (of.url or "").rstrip("/").rsplit("/", 1)[-1] or of.id or ""
    return Form(code, of.version or "", questions, scores, wordings)


def _loinc(codings: list[fhir.Coding]) -> str:
    return next((c.code for c in codings if c.system == LOINC and c.code), "")


def _score(coding: fhir.Coding) -> str:
    for extension in coding.extension:
        if extension.url in _ORDINAL:
            digits = str(memoryview(extension.valueDecimal), "utf-8") or str(
                memoryview(extension.valueInteger), "utf-8"
            )
            if digits and digits != "null":
                return digits
    return ""
