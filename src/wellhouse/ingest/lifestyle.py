"""Answers and outcomes that stand in the columns of an exam file, as a mapping names them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wellhouse.crypto import pseudonym
from wellhouse.ingest import values
from wellhouse.ingest.batch import Batch, Flags, Ints, dates, each
from wellhouse.ingest.mapping import Answer, Outcome
from wellhouse.ingest.values import Kind

QUESTIONNAIRE = "LIFESTYLE"
DAYS_A_MONTH = 30.4375


def answers(batch: Batch, exam_keys: Ints, day: Ints) -> None:
    """``landing.questionnaire`` and its answers: one response an exam, for the records that answer anything."""
    layout = batch.layout
    if not layout.mapping.answers:
        return
    distinct, place = np.unique(np.where(batch.alive, exam_keys, 0), return_inverse=True)
    made = np.array(response_keys(layout.blind_key, layout.site, distinct), np.int64)
    responses = np.where(batch.alive, made[place], 0)
    answered = np.zeros(len(batch.rows), bool)
    for answer in layout.mapping.answers:
        if answer.column in layout.headers:
            answered |= _answer(batch, answer, responses)
    rows = np.flatnonzero(answered)
    batch.emit("questionnaire", {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        "response_key": pa.array(responses[rows]),
        "person_key": pa.array(batch.person_keys()[rows]),
        "questionnaire_code": pa.repeat(QUESTIONNAIRE, len(rows)),
        "questionnaire_version": pa.repeat(layout.mapping.version, len(rows)),
        "answered_on": dates(day[rows]),
        "status": pa.repeat("final", len(rows)),
    })  # fmt: skip


def response_keys(blind_key: bytes, site: str, exam_keys: Ints) -> list[int]:
    """The keys of the answers that came with exams."""
    numbers = (f"{QUESTIONNAIRE}|{key}" for key in exam_keys.tolist())
    return pseudonym.record_keys(blind_key, "response", site, numbers)


def _answer(batch: Batch, answer: Answer, responses: Ints) -> Flags:
    """Emit one question's answers; which records answered it."""
    column = batch.named(answer.column)
    read, index = each(column, lambda text: _word(text.strip(), answer))
    kinds = np.array([kind for kind, _, _ in read], np.int8)[index]
    good = batch.alive & (kinds == 1)
    for row in np.flatnonzero(batch.alive & (kinds == 2)).tolist():
        batch.rejects.add(int(batch.rows[row]), answer.column, "unknown_word", "a word the mapping knows")
    rows = np.flatnonzero(good)
    numbers = np.array([np.nan if n is None else n for _, n, _ in read])[index][rows]
    batch.emit("questionnaire_answer", {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        "response_key": pa.array(responses[rows]),
        "person_key": pa.array(batch.person_keys()[rows]),
        "question_code": pa.repeat(answer.question, len(rows)),
        "value_raw": column.take(pa.array(rows)),
        "value": pa.array(numbers, mask=np.isnan(numbers)),
        "value_text": pa.array([word for _, _, word in read], pa.string()).take(pa.array(index[rows])),
        "status": pa.repeat("final", len(rows)),
    })  # fmt: skip
    return good  # type: ignore[no-any-return]


def _word(text: str, answer: Answer) -> tuple[int, float | None, str | None]:
    """(0 no answer, 1 an answer, 2 not understood; number; word)."""
    if not text:
        return 0, None, None
    if text in answer.words:
        meaning = answer.words[text]
        if meaning is None:
            return 0, None, None
        return (1, None, meaning) if isinstance(meaning, str) else (1, float(meaning), None)
    read = values.parse_text(text)
    number = answer.number and read.kind == Kind.NUMBER and read.unit is None
    return (1, read.value, None) if number else (2, None, None)


def outcomes(batch: Batch, day: Ints) -> None:
    """``landing.outcome``: event or censoring, counted from the exam."""
    for outcome in batch.layout.mapping.outcomes:
        _outcome(batch, outcome, day)


def _outcome(batch: Batch, outcome: Outcome, day: Ints) -> None:
    headers = batch.layout.headers
    time_column = outcome.days or outcome.months
    if time_column not in headers or outcome.observed not in headers:
        return
    chosen = batch.alive.copy()
    for column, text in outcome.when.items():
        chosen &= np.array(pa.compute.equal(batch.named(column), text))
    time, event = values.parse(batch.named(time_column)), values.parse(batch.named(outcome.observed))
    chosen &= (time.kind != Kind.ABSENT) & (event.kind != Kind.ABSENT)
    good = chosen & (time.kind == Kind.NUMBER) & (time.value >= 0) & np.isin(event.value, (0, 1))
    for row in np.flatnonzero(chosen & ~good).tolist():
        batch.rejects.add(
            int(batch.rows[row]), time_column, "bad_outcome", "a time ≥ 0 and whether it happened, 1 or 0"
        )
    rows = np.flatnonzero(good)
    length = np.rint(time.value[rows] * (1 if outcome.days else DAYS_A_MONTH)).astype(np.int32)
    batch.emit("outcome", {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        "person_key": pa.array(batch.person_keys()[rows]),
        "event_code": pa.repeat(outcome.event, len(rows)),
        "origin_date": dates(day[rows]),
        "time_days": pa.array(length),
        "observed": pa.array(event.value[rows] == 1),
    })  # fmt: skip
