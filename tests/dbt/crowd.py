"""Ten thousand made-up people, landed as their rows would be after ingestion, and taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import numpy as np
import psycopg

from tests.dbt.oracle_rules import Person
from wellhouse import db
from wellhouse.settings import Settings

SITE = "oracle"
LOAD = 2**40
FIRST_PERSON = 2**52
_TABLES = (
    "person", "exam", "observation", "consultation", "follow_up", "questionnaire", "questionnaire_answer",
    "intervention",
)  # fmt: skip
MEASURED = {  # indicator: mean, deviation, digits, unit; wide enough to cross every limit of the rules
    "SBP": (138, 22, 0, "mm[Hg]"), "DBP": (84, 14, 0, "mm[Hg]"), "FPG": (6.4, 2.6, 1, "mmol/L"),
    "HBA1C": (6.0, 0.9, 1, "%"), "UA": (390, 90, 0, "umol/L"), "BMI": (25, 4, 1, "kg/m2"), "WAIST": (86, 10, 0, "cm"),
    "TG": (1.9, 1.3, 2, "mmol/L"), "HDLC": (1.2, 0.3, 2, "mmol/L"), "HGB": (130, 22, 0, "g/L"),
    "LDLC": (3.2, 0.9, 2, "mmol/L"), "K": (4.4, 0.8, 1, "mmol/L"),
    "EGFR": (75, 22, 0, "mL/min/{1.73_m2}"), "TSCORE": (-1.2, 1.1, 1, "{T-score}"),
}  # fmt: skip
_PROGRAMMES = ("体重管理", "血压管理", "血糖管理", "血脂管理")
_FLAGS = ("hypertension_history", "bp_medication", "diabetes_history", "glucose_medication")


def draw(count: int, seed: int, last: date) -> list[Person]:
    """People with exams, doctors' forms, a depression scale, calls and programmes; no two exams on one day."""
    rng = np.random.default_rng(seed)
    people = []
    for n in range(count):
        person = Person(str(rng.choice(["male", "female"])), int(rng.integers(1935, 2004)))
        days = sorted({last - timedelta(int(d)) for d in rng.integers(0, 2100, rng.integers(1, 7))})
        for k, on in enumerate(days):
            person.exams.append((on, n * 100 + k))
            for code, (mean, spread, digits, _) in MEASURED.items():
                if rng.random() < 0.8:
                    value = round(max(float(rng.normal(mean, spread)), mean / 5 if mean > 0 else -6), digits)
                    person.facts.setdefault(code, []).append((on, value))
        for on in sorted({last - timedelta(int(d)) for d in rng.integers(0, 2100, rng.integers(0, 4))}):
            for flag in _FLAGS:
                if rng.random() < 0.7:
                    person.facts.setdefault(flag, []).append((on, float(rng.random() < 0.4)))
        for on in sorted({last - timedelta(int(d)) for d in rng.integers(0, 2100, rng.integers(0, 3))}):
            items = rng.binomial(3, rng.beta(1, 3), 9)
            person.facts.setdefault("PHQ9", []).append((on, float(items.sum())))
            person.facts.setdefault("PHQ9_ITEM9", []).append((on, float(items[8])))
            person.answers.append((on, items.tolist()))
        for k in range(int(rng.integers(0, 14))):
            on = last - timedelta(int(rng.integers(0, 2100)))
            person.contacts.append((on, n * 100 + k, bool(rng.random() < 0.55)))
        for k in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]))):
            on = last - timedelta(int(rng.integers(0, 2100)))
            person.programmes.append((on, n * 100 + k, str(rng.choice(_PROGRAMMES))))
        people.append(person)
    return people


@contextmanager
def landed(of: Settings, people: list[Person]) -> Iterator[None]:
    """The people's rows are in ``landing`` while the block runs."""
    try:
        with db.connect("wh_ingest", of) as connection:
            for table, columns, rows in _rows(people):
                with connection.cursor().copy(
                    f"copy landing.{table} (load_id, row_number, {columns}) from stdin"
                ) as to:
                    for number, row in enumerate(rows, start=1):
                        to.write_row((LOAD, number, *row))
        yield
    finally:
        with db.connect("wh_ingest", of) as connection:
            for table in _TABLES:
                connection.execute(psycopg.sql.SQL("delete from landing.{} where load_id = %s").format(
                    psycopg.sql.Identifier(table)), (LOAD,))  # fmt: skip


def _rows(people: list[Person]) -> Iterator[tuple[str, str, Iterator[tuple[object, ...]]]]:
    keyed = [(FIRST_PERSON + n, person) for n, person in enumerate(people)]
    yield "person", "person_key, site, sex, birth_year", ((k, SITE, p.sex, p.birth_year) for k, p in keyed)
    yield "exam", "exam_key, person_key, site, exam_date", ((e, k, SITE, on) for k, p in keyed for on, e in p.exams)
    yield (
        "observation",
        "exam_key, person_key, indicator_code, value_raw, unit_raw, value, unit",
        (
            (exam, k, code, str(value), unit, value, unit)
            for k, p in keyed
            for on, exam in p.exams
            for code, (_, _, _, unit) in MEASURED.items()
            for day, value in p.facts.get(code, [])
            if day == on
        ),
    )
    yield (
        "consultation",
        f"consultation_key, person_key, site, consultation_date, {', '.join(_FLAGS)}",
        (
            (
                k * 100 + n,
                k,
                SITE,
                on,
                *(next((bool(v) for d, v in p.facts.get(f, []) if d == on), None) for f in _FLAGS),
            )
            for k, p in keyed
            for n, on in enumerate(sorted({d for f in _FLAGS for d, _ in p.facts.get(f, [])}))
        ),
    )
    yield (
        "follow_up",
        "follow_up_key, person_key, site, follow_up_date, method, agent, outcome",
        (
            (key, k, SITE, on, "phone", "a1", "reached" if reached else "not_reached")
            for k, p in keyed
            for on, key, reached in p.contacts
        ),
    )
    yield (
        "questionnaire",
        "response_key, person_key, site, questionnaire_code, questionnaire_version, answered_on",
        ((k * 100 + n, k, SITE, "PHQ-9", "1.0", on) for k, p in keyed for n, (on, _) in enumerate(p.answers)),
    )
    yield (
        "questionnaire_answer",
        "response_key, person_key, question_code, value_raw, value",
        (
            (k * 100 + n, k, str(q), str(item), item)
            for k, p in keyed
            for n, (_, items) in enumerate(p.answers)
            for q, item in enumerate(items, 1)
        ),
    )
    yield (
        "intervention",
        "intervention_key, person_key, site, programme, start_date, status, agent",
        ((key, k, SITE, programme, on, "active", "a1") for k, p in keyed for on, key, programme in p.programmes),
    )
