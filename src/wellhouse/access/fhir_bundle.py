"""What is known of a person as a FHIR R4 collection Bundle: one resource a fact, in the field's own codes.

Built from what landed, the latest word on each thing, whether or not marts were built since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]
Resource = dict[str, Any]

_UCUM = "http://unitsofmeasure.org"
_BASE = "https://wellhouse.invalid/fhir"
"""Of the bundle's own addresses, so that its references resolve within it (FHIR R4, 2.36.4); there is no such server
(RFC 2606)."""
_LATEST = """
    select distinct on ({key}) * from landing.{table} where person_key = any(%s)
    order by {key}, load_id desc, row_number desc
"""
_KEYS = {"exam": "exam_key", "questionnaire": "response_key", "consultation": "consultation_key",
         "follow_up": "follow_up_key", "call_recording": "recording_key", "intervention": "intervention_key",
         "care_plan": "care_plan_key", "card": "card_key"}  # fmt: skip
_OBSERVATIONS = """
    select distinct on (o.exam_key, o.indicator_code) o.*, i.loinc, i.name_en, i.name_zh
    from landing.observation o left join reference.indicators i using (indicator_code)
    where o.person_key = any(%s)
    order by o.exam_key, o.indicator_code, o.status = 'preliminary', o.load_id desc, o.row_number desc
"""
_ANSWERS = """
    select distinct on (response_key, question_code) * from landing.questionnaire_answer where person_key = any(%s)
    order by response_key, question_code, load_id desc, row_number desc
"""
_TAKEN_BACK = "entered-in-error"
_VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def bundle(
    connection: psycopg.Connection, persons: list[int], identity: dict[str, str], now: dt.datetime
) -> dict[str, Any]:
    """The Bundle of a person.

    :param connection: as ``wh_transform``
    :param persons: the person's key first, then those that were merged into it
    :param identity: what the vault knows: name, id_number, mrn, birth_date, sex, phone, address
    """
    cursor = connection.cursor(row_factory=dict_row)

    def latest(table: str) -> list[Row]:
        query = _LATEST.format(table=table, key=_KEYS[table])
        rows = cursor.execute(query.encode(), (persons,)).fetchall()
        return [row for row in rows if row.get("status") != _TAKEN_BACK]

    subject = {"reference": f"Patient/{persons[0]}"}
    exams = latest("exam")
    observations = cursor.execute(_OBSERVATIONS, (persons,)).fetchall()
    said = cursor.execute(_ANSWERS, (persons,)).fetchall()
    answers = [row for row in said if row["status"] != _TAKEN_BACK]
    scores = cursor.execute("select * from risk.score where person_key = any(%s) and eligible", (persons,)).fetchall()
    outcomes = cursor.execute("select * from landing.outcome where person_key = any(%s)", (persons,)).fetchall()
    dates = {e["exam_key"]: e["exam_date"] for e in exams}
    resources = [
        _patient(persons[0], identity),
        *(_report(e, observations) for e in exams),
        *(_observation(o, dates) for o in observations),
        *(_response(q, answers) for q in latest("questionnaire")),
        *(_consultation(c) for c in latest("consultation")),
        *(_communication(f) for f in latest("follow_up")),
        *(_media(r) for r in latest("call_recording")),
        *(_programme(p) for p in latest("intervention")),
        *(_plan(p) for p in latest("care_plan")),
        *(_card(c) for c in latest("card")),
        *(_condition(n, o) for n, o in enumerate(outcomes)),
        *(_risk(n, s) for n, s in enumerate(scores)),
    ]
    for resource in resources[1:]:
        resource["subject"] = subject
    entry = [{"fullUrl": f"{_BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": now.isoformat(), "entry": entry}


def _patient(key: int, who: dict[str, str]) -> Resource:
    numbers = [("NNCHN", "id_number"), ("MR", "mrn")]
    patient: Resource = {
        "resourceType": "Patient", "id": str(key),
        "identifier": [
            {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]},
             "value": who[fact]}
            for code, fact in numbers if who.get(fact)
        ],
        "name": [{"text": who["name"]}] if who.get("name") else [],
        "gender": who.get("sex", "unknown"),
        "birthDate": who.get("birth_date"),
        "telecom": [{"system": "phone", "value": who["phone"]}] if who.get("phone") else [],
        "address": [{"text": who["address"]}] if who.get("address") else [],
    }  # fmt: skip
    return {name: value for name, value in patient.items() if value}


def _report(exam: Row, observations: Iterable[Row]) -> Resource:
    results = [o for o in observations if o["exam_key"] == exam["exam_key"]]
    return {
        "resourceType": "DiagnosticReport", "id": f"exam-{exam['exam_key']}", "status": "final",
        "code": {"text": exam["exam_type"] or "health examination"},
        "effectiveDateTime": exam["exam_date"].isoformat(),
        "performer": [{"display": exam["site"]}],
        "result": [{"reference": f"Observation/{_observation_id(o)}"} for o in results],
    }  # fmt: skip


def _observation_id(row: Row) -> str:
    return f"{row['exam_key']}-{row['indicator_code'].replace('_', '-')}"


def _observation(row: Row, dates: dict[int, dt.date]) -> Resource:
    coding = [{"system": "http://loinc.org", "code": row["loinc"]}] if row["loinc"] else []
    made: Resource = {
        "resourceType": "Observation", "id": _observation_id(row), "status": row["status"],
        "code": {"coding": coding, "text": row["name_zh"] or row["indicator_code"]},
    }  # fmt: skip
    if not coding:
        del made["code"]["coding"]
    if row["exam_key"] in dates:
        made["effectiveDateTime"] = dates[row["exam_key"]].isoformat()
    if row["value"] is not None:
        quantity = {"value": row["value"], "unit": row["unit"], "system": _UCUM, "code": row["unit"]}
        made["valueQuantity"] = quantity | ({"comparator": row["comparator"]} if row["comparator"] else {})
    elif text := row["value_text"] or row["value_raw"]:
        made["valueString"] = text
    return made


def _item(link: str, value: object) -> Resource:
    if isinstance(value, bool):
        answer: Resource = {"valueBoolean": value}
    elif isinstance(value, int | float):
        answer = {"valueDecimal": value}
    else:
        answer = {"valueString": str(value)}
    return {"linkId": link, "answer": [answer]}


def _response(row: Row, answers: Iterable[Row]) -> Resource:
    own = [a for a in answers if a["response_key"] == row["response_key"]]
    return {
        "resourceType": "QuestionnaireResponse", "id": f"response-{row['response_key']}", "status": "completed",
        "questionnaire": f"urn:wellhouse:questionnaire:{row['questionnaire_code']}|{row['questionnaire_version']}",
        "authored": row["answered_on"].isoformat(),
        "item": [
            _item(a["question_code"], next(v for v in (a["value"], a["value_text"], a["value_raw"]) if v is not None))
            for a in own
        ],
    }  # fmt: skip


_FORM = ("smoking", "drinking", "hypertension_history", "diabetes_history", "cvd_history", "family_history_cvd",
         "bp_medication", "statin", "glucose_medication")  # fmt: skip


def _consultation(row: Row) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse", "id": f"consultation-{row['consultation_key']}", "status": "completed",
        "questionnaire": "urn:wellhouse:questionnaire:consultation",
        "authored": row["consultation_date"].isoformat(),
        "item": [_item(name, row[name]) for name in _FORM if row[name] is not None],
    }  # fmt: skip


def _communication(row: Row) -> Resource:
    return {
        "resourceType": "Communication", "id": f"follow-up-{row['follow_up_key']}",
        "status": "completed" if row["outcome"] == "reached" else "not-done",
        "statusReason": {"text": row["outcome"]}, "medium": [{"text": row["method"]}],
        "sent": row["follow_up_date"].isoformat(),
    }  # fmt: skip


def _media(row: Row) -> Resource:
    kind = {"wav": "audio/wav", "mp3": "audio/mpeg"}[row["media_type"]]
    return {
        "resourceType": "Media", "id": f"recording-{row['recording_key']}", "status": "completed",
        "createdDateTime": row["recorded_on"].isoformat(), "duration": row["duration_s"],
        "content": {"contentType": kind, "size": row["bytes"],
                    "url": f"recordings/{row['recording_key']}.{row['media_type']}"},
    }  # fmt: skip


def _programme(row: Row) -> Resource:
    status = {"active": "active", "completed": "completed", "dropped": "revoked"}.get(row["status"], "unknown")
    period = {"start": row["start_date"].isoformat()}
    if row["end_date"]:
        period["end"] = row["end_date"].isoformat()
    return {"resourceType": "CarePlan", "id": f"intervention-{row['intervention_key']}", "status": status,
            "intent": "plan", "title": row["programme"], "period": period}  # fmt: skip


def _plan(row: Row) -> Resource:
    amounts = [
        f"{word} {row[word]:g} {row['unit'] or ''}".strip() for word in ("target", "done") if row[word] is not None
    ]
    said = ": ".join(filter(None, (row["item"], ", ".join(amounts))))
    return {
        "resourceType": "CarePlan", "id": f"care-plan-{row['care_plan_key']}", "status": "active", "intent": "plan",
        "category": [{"text": row["category"]}], "title": row["item"],
        "period": {"start": row["plan_date"].isoformat()},
        "activity": [{"detail": {"status": "unknown", "description": said}}],
    }  # fmt: skip


def _card(row: Row) -> Resource:
    code = {"text": f"membership card: {row['event']} {row['card_type'] or ''}".strip()}
    return {"resourceType": "Basic", "id": f"card-{row['card_key']}", "code": code,
            "created": row["event_date"].isoformat()}  # fmt: skip


def _condition(number: int, row: Row) -> Resource:
    seen = row["origin_date"] + dt.timedelta(days=row["time_days"])
    status = "confirmed" if row["observed"] else "refuted"
    made: Resource = {
        "resourceType": "Condition", "id": f"outcome-{number}", "code": {"text": row["event_code"]},
        "verificationStatus": {"coding": [{"system": _VERIFIED, "code": status}]}, "recordedDate": seen.isoformat(),
    }  # fmt: skip
    free = {"note": [{"text": f"free of it until {seen.isoformat()}"}]}
    return made | ({"onsetDateTime": seen.isoformat()} if row["observed"] else free)


def _risk(number: int, row: Row) -> Resource:
    prediction: Resource = {"outcome": {"text": f"{row['model']} {row['output']}"}}
    if row["unit"] == "1" and 0 <= row["value"] <= 1:
        prediction["probabilityDecimal"] = row["value"]
    else:
        prediction["qualitativeRisk"] = {"text": f"{row['value']:g} {row['unit']}"}
    return {
        "resourceType": "RiskAssessment", "id": f"risk-{number}", "status": "final",
        "method": {"text": f"{row['model']} {row['version']}"},
        "occurrenceDateTime": row["exam_date"].isoformat(), "prediction": [prediction],
    }  # fmt: skip
