"""What is handed out as FHIR is FHIR: every bundle is read by a validator that is not ours, and holds together."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from wellhouse import db
from wellhouse.access import fhir_bundle
from wellhouse.access.portability import _json
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

OF_EACH = 6
"""Persons of each table that a bundle is made from."""
KINDS = {
    "Basic", "CarePlan", "Communication", "DiagnosticReport", "Media", "Observation", "Patient",
    "QuestionnaireResponse", "RiskAssessment",
}  # fmt: skip
"""Of the sample, which has no outcomes: of those tests/unit/test_fhir_bundle.py tells."""


@pytest.fixture(scope="module")
def bundles(built: Settings) -> list[dict[str, Any]]:
    """Of people who have rows in each of the tables, as the export writes them."""
    tables = [f"landing.{name}" for name in fhir_bundle._KEYS] + ["risk.score"]
    with administrator(built, built.database) as server:
        persons = {
            person
            for table in tables
            for (person,) in server.execute(
                f"select distinct person_key from {table} order by 1 limit {OF_EACH}".encode()  # noqa: S608
            )
        }
    made = []
    with (
        db.connect("wh_transform", built) as reader,
        db.connect("wh_identity", built) as vault,
        Keyring.open(built) as keyring,
    ):
        for person in sorted(persons):
            who = reveal(vault, keyring, person)
            made.append(json.loads(_json(fhir_bundle.bundle(reader, [person], who, dt.datetime.now(dt.UTC)))))
    return made


def test_every_bundle_is_fhir(bundles: list[dict[str, Any]]) -> None:
    """R4B has the same resources as R4 where ours are concerned. What is read says the same when written again, so
    that no number passes as a text."""
    for document in bundles:
        assert json.loads(Bundle.model_validate(document).model_dump_json())["entry"] == document["entry"]


def test_every_kind_of_resource_is_among_them(bundles: list[dict[str, Any]]) -> None:
    assert {e["resource"]["resourceType"] for document in bundles for e in document["entry"]} == KINDS


def test_every_reference_is_to_something_in_the_bundle(bundles: list[dict[str, Any]]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["reference"]] if "reference" in value else []
            return own + [r for v in value.values() for r in references(v)]
        return [r for v in value for r in references(v)] if isinstance(value, list) else []

    for document in bundles:
        addresses = [e["fullUrl"] for e in document["entry"]]
        assert len(addresses) == len(set(addresses))
        base = addresses[0].removesuffix(f"/Patient/{document['entry'][0]['resource']['id']}")
        asked = references(document)
        assert len(asked) >= len(addresses) - 1
        assert {f"{base}/{reference}" for reference in asked} <= set(addresses)
