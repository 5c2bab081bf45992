"""What a load's tables are to each other: records, and where a record has many results, those."""

from __future__ import annotations

from dataclasses import dataclass

from wellhouse.landing.load import Rows


@dataclass(frozen=True)
class Family:
    """A table of records and, where a record has many results, the table of those; names are ours, never input."""

    head: str
    key: str
    attributes: tuple[str, ...]
    detail: str | None = None
    item: str = ""
    content: tuple[str, ...] = ()
    status: str = "'final'"
    """Of a result, in SQL: its column, where there is one."""
    head_status: str = "'final'"
    """The same of a record."""
    whole: str = ""
    """The column that all parts of one document have, where a source tells documents as a whole."""


FAMILIES = {
    f.head: f
    for f in (
        Family("exam", "exam_key", ("exam_date", "exam_type", "package", "employer_key"), "observation",
               "indicator_code", ("value_raw", "unit_raw", "status"), "status"),
        Family("questionnaire", "response_key",
               ("questionnaire_code", "questionnaire_version", "answered_on", "status"), "questionnaire_answer",
               "question_code", ("value_raw", "status"), "status", "status", "response_key"),
        Family(
            "follow_up",
            "follow_up_key",
            ("follow_up_date", "method", "agent", "outcome", "next_date", "duration_s"),
        ),
        Family("call_recording", "recording_key", ("recorded_on", "agent", "duration_s", "sha256")),
        Family("consultation", "consultation_key", (
            "consultation_date", "smoking", "drinking", "hypertension_history", "diabetes_history", "cvd_history",
            "family_history_cvd", "bp_medication", "statin", "glucose_medication")),
        Family("card", "card_key", ("event", "event_date", "card_type", "package", "valid_until")),
        Family("intervention", "intervention_key", ("programme", "start_date", "end_date", "status", "agent")),
        Family("care_plan", "care_plan_key", ("plan_date", "category", "item", "target", "done", "unit", "status"),
               head_status="status", whole="plan_key"),
    )
}  # fmt: skip

OUTCOME = Family("outcome", "person_key", ("event_code", "origin_date", "time_days", "observed"))


@dataclass
class Resolved:
    """Rows of which something went, and how many results went as what."""

    touched: Rows
    conflicting: Rows
    duplicates: int = 0
    conflicts: int = 0


def array_of(keys: Rows) -> str:
    """An array of PostgreSQL."""
    return "{" + ",".join(map(str, keys.tolist())) + "}"
