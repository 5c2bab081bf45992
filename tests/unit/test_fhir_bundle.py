"""Facts as FHIR resources where something of them is not known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.condition import Condition

from wellhouse.access import fhir_bundle

DAY = dt.date(2024, 3, 5)
SUBJECT = {"subject": {"reference": "Patient/1"}}


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ({"target": None, "done": None, "unit": None}, "少盐"),
        ({"target": 5.0, "done": None, "unit": "g"}, "少盐: target 5 g"),
        ({"target": 5.0, "done": 0.0, "unit": None}, "少盐: target 5, done 0"),
    ],
)
def test_a_plan_says_what_is_known_of_it(amounts: dict[str, Any], said: str) -> None:
    made = fhir_bundle._plan({"item": "少盐", "care_plan_key": 1, "category": "diet", "plan_date": DAY} | amounts)
    CarePlan.model_validate(made | SUBJECT)
    assert made["activity"][0]["detail"]["description"] == said


@pytest.mark.parametrize(("observed", "status"), [(True, "confirmed"), (False, "refuted")])
def test_who_was_free_of_an_event_did_not_have_it(observed: bool, status: str) -> None:
    row = {"origin_date": DAY, "time_days": 10, "observed": observed, "event_code": "cvd"}
    made = fhir_bundle._condition(0, row)
    Condition.model_validate(made | SUBJECT)
    assert made["code"] == {"text": "cvd"}
    assert [c["code"] for c in made["verificationStatus"]["coding"]] == [status]
    assert ("onsetDateTime" in made) == observed
