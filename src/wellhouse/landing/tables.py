"""The Arrow schemas of what is loaded: column for column those of ``infra/postgres/schemas.sql``."""

from __future__ import annotations

import pyarrow as pa

_KEYS = [("load_id", pa.int64()), ("row_number", pa.int32())]
_PERSON = ("person_key", pa.int64())
_SITE = ("site", pa.string())
_TEXT, _DATE, _NUMBER, _FLAG, _BIG, _INT = (
    pa.string(), pa.date32(), pa.float64(), pa.bool_(), pa.int64(), pa.int32(),
)  # fmt: skip

SCHEMAS: dict[str, pa.Schema] = {
    "person": pa.schema([*_KEYS, _PERSON, _SITE, ("sex", _TEXT), ("birth_year", _INT)]),
    "exam": pa.schema([
        *_KEYS, ("exam_key", _BIG), _PERSON, _SITE, ("exam_date", _DATE), ("age_years", _INT), ("exam_type", _TEXT),
        ("package", _TEXT), ("employer_key", _BIG),
    ]),
    "observation": pa.schema([
        *_KEYS, ("exam_key", _BIG), _PERSON, ("indicator_code", _TEXT), ("value_raw", _TEXT), ("unit_raw", _TEXT),
        ("comparator", _TEXT), ("value", _NUMBER), ("value_text", _TEXT), ("unit", _TEXT), ("status", _TEXT),
    ]),
    "questionnaire": pa.schema([
        *_KEYS, ("response_key", _BIG), _PERSON, _SITE, ("questionnaire_code", _TEXT), ("questionnaire_version", _TEXT),
        ("answered_on", _DATE), ("status", _TEXT),
    ]),
    "questionnaire_answer": pa.schema([
        *_KEYS, ("response_key", _BIG), _PERSON, ("question_code", _TEXT), ("value_raw", _TEXT), ("value", _NUMBER),
        ("value_text", _TEXT), ("status", _TEXT),
    ]),
    "question": pa.schema([
        *_KEYS, _SITE, ("questionnaire_code", _TEXT), ("questionnaire_version", _TEXT), ("question_code", _TEXT),
        ("wording", _TEXT), ("asked_from", _DATE),
    ]),
    "follow_up": pa.schema([
        *_KEYS, ("follow_up_key", _BIG), _PERSON, _SITE, ("follow_up_date", _DATE), ("method", _TEXT), ("agent", _TEXT),
        ("outcome", _TEXT), ("next_date", _DATE), ("duration_s", _INT),
    ]),
    "call_recording": pa.schema([
        *_KEYS, ("recording_key", _BIG), _PERSON, _SITE, ("recorded_on", _DATE), ("agent", _TEXT), ("consent", _FLAG),
        ("media_type", _TEXT), ("duration_s", _NUMBER), ("sha256", _TEXT), ("bytes", _BIG), ("object", _TEXT),
    ]),
    "audio_key": pa.schema([("load_id", _BIG), _PERSON, ("object", _TEXT), ("sealed_key", pa.binary())]),
    "outcome": pa.schema([
        *_KEYS, _PERSON, _SITE, ("event_code", _TEXT), ("origin_date", _DATE), ("time_days", _INT), ("observed", _FLAG),
    ]),
    "consultation": pa.schema([
        *_KEYS, ("consultation_key", _BIG), _PERSON, _SITE, ("consultation_date", _DATE), ("smoking", _TEXT),
        ("drinking", _TEXT), ("hypertension_history", _FLAG), ("diabetes_history", _FLAG), ("cvd_history", _FLAG),
        ("family_history_cvd", _FLAG), ("bp_medication", _FLAG), ("statin", _FLAG), ("glucose_medication", _FLAG),
    ]),
    "card": pa.schema([
        *_KEYS, ("card_key", _BIG), _PERSON, _SITE, ("event", _TEXT), ("event_date", _DATE), ("card_type", _TEXT),
        ("package", _TEXT), ("valid_until", _DATE),
    ]),
    "intervention": pa.schema([
        *_KEYS, ("intervention_key", _BIG), _PERSON, _SITE, ("programme", _TEXT), ("start_date", _DATE),
        ("end_date", _DATE), ("status", _TEXT), ("agent", _TEXT),
    ]),
    "care_plan": pa.schema([
        *_KEYS, ("care_plan_key", _BIG), _PERSON, _SITE, ("plan_date", _DATE), ("category", _TEXT), ("item", _TEXT),
        ("target", _NUMBER), ("done", _NUMBER), ("unit", _TEXT), ("plan_key", _BIG), ("status", _TEXT),
    ]),
    "original": pa.schema([
        ("load_id", _BIG), ("row_first", _INT), ("row_last", _INT), _PERSON, ("sealed", pa.binary()),
    ]),
    "record": pa.schema([
        *_KEYS, ("field", _TEXT), ("reason", _TEXT), ("expected", _TEXT), ("count", _BIG), _PERSON,
        ("sealed", pa.binary()),
    ]),
}  # fmt: skip
"""By table name; all are in ``landing`` but those of OTHER_SCHEMAS."""

OTHER_SCHEMAS = {"record": "quarantine", "audio_key": "vault"}


def schema_of(table: str) -> str:
    """The database schema a table is in."""
    return OTHER_SCHEMAS.get(table, "landing")
