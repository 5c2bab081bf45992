"""What the rules say, checked against the documents they come from and against each other."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from wellhouse.settings import PROJECT_ROOT

Row = dict[str, str]
SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


def seed(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


PLANS = {row["plan"]: row for row in seed("follow_up_plans")}
CONDITIONS = seed("tag_conditions")


@pytest.mark.parametrize("tag", ["BP_UNCONTROLLED", "BP_UNCONTROLLED_TWICE", "GLUCOSE_UNCONTROLLED", "BP_RAISED"])
def test_the_uncontrolled_are_seen_within_two_weeks(tag: str) -> None:
    assert PLANS[tag]["first_due_days"] == "14"


@pytest.mark.parametrize("tag", ["BP_CONTROLLED", "GLUCOSE_CONTROLLED"])
def test_the_stable_are_seen_every_quarter(tag: str) -> None:
    assert PLANS[tag]["first_due_days"] == PLANS[tag]["interval_days"] == "90"
    assert PLANS[tag]["occurrences"] == ""


def test_every_critical_value_is_followed_up_the_same_day() -> None:
    critical = {row["tag"] for row in seed("tag_rules") if row["kind"] == "critical"}
    assert len(critical) >= 11
    assert {PLANS[tag]["first_due_days"] for tag in critical} == {"0"}
    assert critical <= {row["tag"] for row in seed("advice_rules") if row["urgency"] == "1"}


@pytest.mark.parametrize(
    ("tag", "condition"),
    [
        ("BP_EMERGENCY", ("SBP", ">=", "180")), ("BP_EMERGENCY", ("DBP", ">=", "110")),
        ("BP_GRADE3", ("SBP", ">=", "180")), ("BP_GRADE3", ("DBP", ">=", "110")),
        ("GLUCOSE_EMERGENCY", ("FPG", ">=", "16.7")), ("HGB_CRITICAL", ("HGB", "<=", "60")),
        ("PLT_CRITICAL", ("PLT", "<=", "30")), ("K_CRITICAL", ("K", ">=", "6.2")),
        ("SELF_HARM", ("PHQ9_ITEM9", ">", "0")),
        ("DIABETES", ("FPG", ">=", "7.0")), ("DIABETES", ("HBA1C", ">=", "6.5")), ("OBESITY", ("BMI", ">=", "28")),
    ],
)  # fmt: skip
def test_limits_are_those_of_the_documents(tag: str, condition: tuple[str, str, str]) -> None:
    found = {(c["fact"], c["operator"], c["threshold"]) for c in CONDITIONS if c["tag"] == tag}
    assert condition in found


def test_nobody_is_told_to_exercise_before_a_doctor_saw_a_pressure_of_180() -> None:
    """Also after it ceased to be a critical value: until it is measured again, a referral suppresses other advice."""
    lasting = {c["fact"]: int(c["within_days"]) for c in CONDITIONS if c["tag"] == "BP_GRADE3"}
    assert lasting == {"SBP": 730, "DBP": 730}
    (advice,) = (row for row in seed("advice_rules") if row["tag"] == "BP_GRADE3")
    assert (advice["urgency"], advice["unless_tags"]) == ("1", "BP_EMERGENCY")


def test_a_rule_can_hold() -> None:
    clauses = {
        tag: {c["clause"] for c in CONDITIONS if c["tag"] == tag} - {"0"} for tag in {c["tag"] for c in CONDITIONS}
    }
    for row in seed("tag_rules"):
        assert 1 <= int(row["clauses_needed"]) <= len(clauses[row["tag"]]), row["tag"]


def test_everything_has_a_source_and_both_languages() -> None:
    for name in ("tag_rules", "follow_up_plans", "advice_rules", "scales", "scale_bands"):
        for row in seed(name):
            assert row["source"], row
            assert all(text for column, text in row.items() if column.endswith(("_zh", "_en"))), row


def test_contacts_of_a_plan_do_not_overlap() -> None:
    for plan in PLANS.values():
        if plan["interval_days"]:
            assert int(plan["grace_days"]) < int(plan["interval_days"]), plan["plan"]


def test_advice_names_tags_that_exist_and_no_dose() -> None:
    tags = {row["tag"] for row in seed("tag_rules")}
    for row in seed("advice_rules"):
        assert {row["tag"], *row["unless_tags"].split()} <= tags
        assert "mg tablet" not in row["text_en"].lower()
    assert max(Counter(row["advice"] for row in seed("advice_rules")).values()) == 1


def test_bands_cover_every_score_once() -> None:
    for scale in (row for row in seed("scales") if row["method"] == "sum"):
        highest = int(scale["items"]) * int(scale["item_max"])
        bands = [b for b in seed("scale_bands") if b["questionnaire_code"] == scale["questionnaire_code"]]
        for sex in ("male", "female"):
            covered = Counter(
                score
                for band in bands
                if band["sex"] in ("", sex)
                for score in range(int(band["value_low"]), int(band["value_high"]) + 1)
            )
            assert covered == Counter(range(highest + 1)), (scale["questionnaire_code"], sex)
