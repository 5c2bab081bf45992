"""What a load's tables are to each other: records, and where a record has many results, those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellhouse.landing.load import Load, Rows

SAME_EXAM_DAYS = 31
"""What is found out about one exam, or corrected of its date, lies within these."""
OWN_NUMBER = "a number of each exam; one that a person keeps is mapped as their record number (mrn)"


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


def quarantine(
    load: Load, family: Family, by: str, wrong: str, reason: tuple[str, str, str], resolved: Resolved, *parameters: str
) -> None:
    """Take records and their results out of this load, and note of each row why.

    :param by: the column that records are found by
    :param wrong: a query of it, person_key and after: those of the person in later rows than ``after``
    :param reason: field, reason, what was expected
    :param parameters: of the query, from $2 on
    """
    field, why, expected = (text.replace("'", "''") for text in reason)
    parts = [t for t in (family.detail, family.head) if t]
    deleted = ", ".join(
        f"""gone_{t} as (delete from landing.{t} d using wrong w
            where d.load_id = $1 and d.{by} = w.{by} and d.person_key = w.person_key and d.row_number > w.after
            returning d.row_number, d.person_key)"""  # noqa: S608
        for t in parts
    )
    union = " union ".join(f"select row_number, person_key from gone_{t}" for t in parts)  # noqa: S608
    rows, lost = load.fetch(
        f"""with wrong as materialized ({wrong}), {deleted}, gone as ({union}), noted as (
                insert into quarantine.record (load_id, row_number, field, reason, expected, person_key)
                select $1, row_number, '{field}', '{why}', '{expected}', person_key from gone)
            select row_number::bigint, (select count(*) from gone_{parts[0]}) from gone""",  # noqa: S608
        load.load_id,
        *parameters,
    )
    resolved.touched = np.union1d(resolved.touched, rows)
    resolved.conflicting = np.union1d(resolved.conflicting, rows)
    if family.detail and len(lost):
        resolved.conflicts += int(lost[0])


def array_of(keys: Rows) -> str:
    """An array of PostgreSQL."""
    return "{" + ",".join(map(str, keys.tolist())) + "}"
