"""Whom FHIR is about: whose a reference is, and which numbers count."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.test_fhir import read
from wellhouse.ingest.formats import fhir_people
from wellhouse.ingest.formats.fhir_types import Identifier, Patient, Period


@pytest.mark.parametrize(
    ("patient", "refers", "found"),
    [
        ("https://b.example/fhir/Patient/1", "https://a.example/fhir/Observation/7", False),
        ("https://a.example/fhir/Patient/1", "https://a.example/fhir/Observation/7", True),
        ("https://b.example/fhir/Patient/1", "urn:uuid:7", True),
        ("https://b.example/fhir/Patient/1", None, True),
        ("urn:uuid:1", "https://a.example/fhir/Observation/7", True),
        (None, "https://a.example/fhir/Observation/7", True),
    ],
)
def test_a_reference_does_not_mean_another_servers_patient(
    tmp_path: Path, patient: str | None, refers: str | None, found: bool
) -> None:
    who = {"resourceType": "Patient", "id": "1", "identifier": [{"system": "urn:hz", "value": "M1"}]}
    what = {
        "resourceType": "Observation", "id": "7", "status": "final", "effectiveDateTime": "2024-03-05",
        "subject": {"reference": "Patient/1"}, "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "valueQuantity": {"value": 140, "unit": "g/L"},
    }  # fmt: skip
    told = [{"resource": r} | ({"fullUrl": url} if url else {}) for r, url in ((who, patient), (what, refers))]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": told}))
    read_back = read(path)
    assert (read_back.results("mrn"), read_back.bad) == (
        ([("M1",)], {}) if found else ([], {1: "unresolved_reference"})
    )  # fmt: skip


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        (lambda day: "2199", True), (lambda day: "2199-01", True), (lambda day: "2199-01-01T00:00:00Z", True),
        (lambda day: day[:4], True), (lambda day: day[:7], True), (lambda day: day, True),
        (lambda day: "2001", False), (lambda day: "2001-01-31", False),
    ],
)  # fmt: skip
def test_a_number_counts_until_it_ends(end: Callable[[str], str], counts: bool) -> None:
    today = dt.date.today().isoformat()
    number = Identifier(system="urn:hz", value="M1", period=Period(end=end(today)))
    assert fhir_people.cells(Patient(identifier=[number]), frozenset()).split("\x1f")[1] == ("M1" if counts else "")
