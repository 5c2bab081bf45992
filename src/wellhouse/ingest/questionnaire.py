"""Questionnaires, a record an answer: ``landing.questionnaire`` once a response, ``questionnaire_answer`` a record.

``landing.question`` has how questions are worded: as a form defines it, or as at least ``ALIKE`` people were asked.
What fewer were asked may be anything that stands in the wrong column, a name too; it stays in the sealed original.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest import values
from wellhouse.ingest.batch import Batch, Flags, Ints, dates, each, groups, texts
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.exam import check_days
from wellhouse.ingest.keys import numbers, record_keys
from wellhouse.ingest.people import emit_persons
from wellhouse.ingest.values import Kind

_YES_NO = "yes_no"
_SCALE = "scale"
ALIKE = 11
_LONGEST = 500
"""Characters of a question."""
_LOINC, _UUID = r"/?\d{1,5}-\d(?:/\d{1,5}-\d){0,7}", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CODE = re.compile(rf"(?!(?:.*\d){{9}})[A-Za-z0-9_.#/-]{{1,64}}|(?:{_LOINC}|{_UUID})(?:#\d+)?")
"""Of a question. Anything else with nine digits could be somebody's number, with Han letters a name."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
"""A time of day, as bed times are asked; it becomes hours."""


def read(batch: Batch) -> None:
    """Fill the batch's tables from its records."""
    size = len(batch.rows)
    day = batch.days("answered_on")
    check_days(batch, "answered_on", day)
    status = texts(batch.column("status"), size).fill_null("final")
    back: Flags = np.array(pc.equal(status, "entered-in-error"), bool)
    # a response that is withdrawn need not repeat its answers
    code, question = _required(batch, "questionnaire"), _required(batch, "question", ~back)
    _check_codes(batch, question)
    kind, number, word = _answers(batch, question, back)
    keys = record_keys(batch, "response", numbers(batch, "number"), day, code)
    emit_persons(batch)
    rows = np.flatnonzero(batch.alive)
    # one head a response, but of what amends or withdraws it one each: they are versions of it
    version_of = np.where(np.array(pc.equal(status, "final"), bool), 0, batch.rows)
    heads = rows[groups(keys[rows], batch.owner[rows].astype(np.int64), version_of[rows])[0]]
    version = texts(batch.column("version"), size).fill_null("1")
    batch.keys, versions = np.unique(keys[heads], return_counts=True)
    batch.suspects.append(batch.keys[versions > 1])
    batch.emit("questionnaire", {
        "row_number": pa.array(batch.rows[heads].astype(np.int32)),
        "response_key": pa.array(keys[heads]),
        "person_key": pa.array(batch.person_keys()[heads]),
        "questionnaire_code": code.take(pa.array(heads)),
        "questionnaire_version": version.take(pa.array(heads)),
        "answered_on": dates(day[heads]),
        "status": status.take(pa.array(heads)),
    })  # fmt: skip
    answered = np.flatnonzero(batch.alive & (kind > 0))
    take = pa.array(answered)
    value = batch.column("answer")
    assert value is not None
    batch.emit("questionnaire_answer", {
        "row_number": pa.array(batch.rows[answered].astype(np.int32)),
        "response_key": pa.array(keys[answered]),
        "person_key": pa.array(batch.person_keys()[answered]),
        "question_code": question.take(take),
        # an answer that is withdrawn need not be understood: it may be any text
        "value_raw": pc.if_else(pc.or_(pa.array(~np.isnan(number)), word.is_valid()), value, "").take(take),
        "value": pa.array(number[answered], mask=np.isnan(number[answered])),
        "value_text": word.take(take),
        "status": status.take(take),
    })  # fmt: skip
    batch.suspects.append(_twice(keys[answered], question.take(take)))
    said = [texts(batch.column(name), size).take(take) for name in ("defined", "wording")]
    if any(len(column) > column.null_count for column in said):
        _wordings(batch, answered, [column.take(take) for column in (code, version, question)], said, day[answered])


def _wordings(batch: Batch, rows: Ints, of: list[pa.Array], said: list[pa.Array], day: Ints) -> None:
    """Each wording of a question once."""
    defined = np.array(said[0].is_valid())
    wording = pc.coalesce(*said)
    fits = np.array(pc.fill_null(pc.less_equal(pc.utf8_length(wording), _LONGEST), False))
    codes = [each(pc.fill_null(column, ""), str)[1] for column in (*of, wording)]
    first, group = groups(*codes)
    each_once, _ = groups(group, batch.owner[rows].astype(np.int64))
    people = np.bincount(group[each_once], minlength=len(first))
    from_day = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(from_day, group, day)
    kept = np.flatnonzero(fits[first] & ((people >= ALIKE) | defined[first]))
    place = pa.array(first[kept])
    batch.emit("question", {
        "row_number": pa.array(batch.rows[rows[first[kept]]].astype(np.int32)),
        **dict(zip(("questionnaire_code", "questionnaire_version", "question_code"),
                   (column.take(place) for column in of), strict=True)),
        "wording": wording.take(place),
        "asked_from": dates(from_day[kept]),
    })  # fmt: skip


def _required(batch: Batch, role: str, of: Flags | bool = True) -> pa.Array:
    """What a record must say, in the mapping's words for it where it has any.

    :param of: which records must
    """
    column = texts(batch.column(role), len(batch.rows))
    for row in np.flatnonzero(batch.alive & np.array(column.is_null()) & of).tolist():
        batch.reject(row, role, "missing_value", "a value")
    column = column.fill_null("")
    ours = batch.layout.mapping.words.get(role)
    if not ours:
        return column
    found, index = each(column, lambda text: ours.get(normal_name(text), text))
    return pa.array(found, pa.string()).take(pa.array(index))


def _check_codes(batch: Batch, question: pa.Array) -> None:
    """What stands as a question's code is one: its form says so, or the mapping or a form knows it."""
    words = batch.layout.mapping.words
    known = {*words, *words.get("question", {}).values()}
    codes, index = each(question, lambda text: not text or text in known or _CODE.fullmatch(text) is not None)
    defined = np.array(texts(batch.column("defined"), len(batch.rows)).is_valid(), bool)
    for row in np.flatnonzero(batch.alive & ~np.array(codes, bool)[index] & ~defined).tolist():
        batch.reject(
            row, "question", "unknown_word",
            "a code of letters, digits and . # / _ - with at most 8 digits, or one of the mapping's `words`",
        )  # fmt: skip


def _answers(batch: Batch, question: pa.Array, back: Flags) -> tuple[Ints, npt.NDArray[np.float64], pa.Array]:
    """(0 no answer or 1, number, word) per record; an answer that is neither rejects its record.

    :param back: of those that are taken back nothing need be understood
    """
    column = batch.column("answer")
    assert column is not None
    answers, answer_of = each(column, str.strip)
    questions, question_of = each(question, str)
    first, group = groups(answer_of, question_of)
    read = [_meaning(batch, answers[answer_of[r]], questions[question_of[r]]) for r in first.tolist()]
    kind = np.array([k for k, _, _ in read], np.int64)[group]
    kind = np.where(back & (kind == 2), 1, kind)
    for row in np.flatnonzero(batch.alive & (kind == 2)).tolist():
        batch.reject(row, "answer", "unknown_word", "a number, or a word the mapping knows for this question")
    number = np.array([np.nan if n is None else n for _, n, _ in read])[group]
    return kind, number, pa.array([w for _, _, w in read], pa.string()).take(pa.array(group))


def _meaning(batch: Batch, answer: str, question: str | None) -> tuple[int, float | None, str | None]:
    words = batch.layout.mapping.words
    normal = normal_name(answer)
    if not normal:
        return 0, None, None
    own = words.get(question or "", {})
    if normal in own:
        return 1, None, own[normal]
    for shared in (_YES_NO, _SCALE):
        if normal in words.get(shared, {}):
            return 1, float(words[shared][normal]), None
    if (clock := _CLOCK.fullmatch(normal)) and not own:
        return 1, int(clock[1]) + int(clock[2]) / 60, None
    read = values.parse_text(answer)
    if read.kind == Kind.ABSENT:
        return 0, None, None
    return (1, read.value, None) if read.kind == Kind.NUMBER and read.unit is None and not own else (2, None, None)


def _twice(keys: Ints, question: pa.Array) -> Ints:
    _, question_of = each(question, str)
    order = np.lexsort((question_of, keys))
    keys, question_of = keys[order], question_of[order]
    same: Flags = (keys[1:] == keys[:-1]) & (question_of[1:] == question_of[:-1])
    again: Ints = np.unique(keys[1:][same]).astype(np.int64)
    return again
