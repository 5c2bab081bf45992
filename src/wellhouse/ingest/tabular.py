"""Sources whose record is one row of one table: follow-ups, consultations, cards, interventions, care plans.

What differs between them is data: a mapping's ``fields``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest import values
from wellhouse.ingest.batch import BAD_DATE, NO_DATE, Batch, Flags, Ints, dates, days, each, texts
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.exam import check_days
from wellhouse.ingest.keys import numbers, record_keys
from wellhouse.ingest.mapping import Field
from wellhouse.ingest.people import emit_persons
from wellhouse.ingest.plain import plain
from wellhouse.ingest.values import Kind
from wellhouse.landing.tables import SCHEMAS

More = Callable[[Batch, dict[str, pa.Array], Ints], dict[str, pa.Array]]
_INT_MAX = 2**31 - 1
_LENGTH = re.compile(
    r"(?:(\d{1,4})(?:小时|时|h|:(?=\d+:)))?(?:(\d{1,6})(?:分钟?|min|m|:(?=\d)))?(?:(\d{1,9}(?:\.\d+)?)(?:秒钟?|s)?)?",
    re.IGNORECASE,
)
"""``200``, ``200秒``, ``3分20秒``, ``03:20``, ``00:03:20``."""


def read(batch: Batch, more: More | None = None) -> None:
    """Fill the batch's one table. A cell that does not fit its field rejects the record.

    :param more: makes further columns of the batch, its columns so far and its record keys
    """
    mapping = batch.layout.mapping
    main = next(f for f in mapping.fields if f.kind == "date" and f.required)
    day = batch.days(main.role)
    columns = {}
    withdrawn = np.zeros(len(batch.rows), bool)
    if mapping.whole:
        columns[mapping.whole] = _whole(batch, mapping.whole)
        columns["status"] = texts(batch.column("status"), len(batch.rows)).fill_null("final")
        # a whole that is withdrawn need not repeat its parts, where its number says which
        withdrawn = np.array(
            pc.and_(pc.equal(columns["status"], "entered-in-error"), pc.is_valid(columns[mapping.whole])), bool
        )
    if main.to == "plan_date":
        _check_plan(batch, main.role, day, withdrawn)
    else:
        check_days(batch, main.role, day)
    columns[main.to] = dates(day, day <= NO_DATE)
    columns |= {field.to: _field(batch, field, withdrawn) for field in mapping.fields if field is not main}
    number, apart = _named(batch, columns)
    keys = record_keys(batch, mapping.source, number, day, apart)
    if more is not None:
        columns |= more(batch, columns, keys)
        columns = {name: array for name, array in columns.items() if name in SCHEMAS[mapping.source].names}
    emit_persons(batch)
    rows = np.flatnonzero(batch.alive)
    batch.keys, count = np.unique(keys[rows], return_counts=True)
    batch.suspects.append(batch.keys[count > 1])
    take = pa.array(rows)
    batch.emit(mapping.source, {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        mapping.key: pa.array(keys[rows]),
        "person_key": pa.array(batch.person_keys()[rows]),
        **{name: array.take(take) for name, array in columns.items()},
    })  # fmt: skip


def _whole(batch: Batch, name: str) -> pa.Array:
    """The key of the number alone; null where the source gives none."""
    number = numbers(batch, "number")
    if number is None:
        return pa.nulls(len(batch.rows), pa.int64())
    keys = record_keys(batch, name, number, np.zeros(len(batch.rows), np.int64))
    return pa.array(keys, mask=np.array(pc.equal(pc.utf8_trim_whitespace(number), ""), bool))


def _named(batch: Batch, columns: dict[str, pa.Array]) -> tuple[pa.Array | None, pa.Array | None]:
    """The source's number with what else tells its records apart, blank where it has none; what tells apart, alone."""
    fields = {field.role: field for field in batch.layout.mapping.fields}
    parts = [
        _spelled(column, fields[role], columns[fields[role].to]) if role in fields else column
        for role in batch.layout.mapping.key_fields
        if (column := batch.column(role)) is not None
    ]
    apart = pc.binary_join_element_wise(*parts, "|") if parts else None
    number = numbers(batch, "number")
    if number is None or apart is None:
        return number, apart
    blank = pc.equal(pc.utf8_trim_whitespace(number), "")
    return pc.if_else(blank, "", pc.binary_join_element_wise(number, apart, "|")), apart


def _spelled(column: pa.Array, field: Field, made: pa.Array) -> pa.Array:
    """A cell as its usual spelling, so that a record keeps its key however it is written the next time.

    A date is ISO's; a word is the first that the mapping has for its code.
    """
    if field.kind == "date":
        return pc.fill_null(pc.cast(made, pa.string()), "")
    if field.kind == "word":
        usual = {code: word for word, code in reversed(field.words.items())}
        found, index = each(pc.fill_null(made, ""), lambda code: usual.get(code, ""))
        return pa.array(found, pa.string()).take(pa.array(index))
    return column


def _check_plan(batch: Batch, role: str, day: Ints, withdrawn: Flags) -> None:
    """A plan may lie ahead."""
    for row in np.flatnonzero(batch.alive & (day <= NO_DATE) & ~(withdrawn & (day == NO_DATE))).tolist():
        reason = "bad_date" if day[row] == BAD_DATE else "missing_date"
        batch.reject(row, role, reason, "a date such as 2024-03-05")


def _field(batch: Batch, field: Field, withdrawn: Flags) -> pa.Array:
    size = len(batch.rows)
    column = batch.column(field.role)
    if column is None:
        column = pa.repeat("", size)
    made, bad, expected, reason = _typed(column, field, batch.formats(field.role))
    for row in np.flatnonzero(batch.alive & bad).tolist():
        batch.reject(row, field.role, reason, expected)
    if field.required:
        for row in np.flatnonzero(batch.alive & ~withdrawn & np.array(made.is_null())).tolist():
            batch.reject(row, field.role, "missing_value", "a value")
    return made


def seconds(text: str) -> int | None:
    """How long a call took; None where the text says no length of time."""
    match = _LENGTH.fullmatch(re.sub(r"(?<=\d),(?=\d{3}(?!\d))|\s", "", plain(text)))
    if match is None or not any(match.groups()):
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    length = round(3600 * hours + 60 * minutes + rest)
    return length if length <= _INT_MAX else None


def _typed(column: pa.Array, field: Field, formats: tuple[str, ...]) -> tuple[pa.Array, Flags, str, str]:
    """(array, which cells do not fit, what was expected, reason)."""
    size = len(column)
    blank = np.array(pc.equal(pc.utf8_trim_whitespace(column), ""), bool)
    if field.kind == "text":
        return texts(column, size), np.zeros(size, bool), "", ""
    if field.kind == "date":
        day = days(column, *formats)
        return dates(day, day <= NO_DATE), day == BAD_DATE, "a date such as 2024-03-05", "bad_date"
    if field.kind == "seconds":
        lengths, index = each(column, seconds)
        array = pa.array(lengths, pa.int32()).take(pa.array(index))
        absent = blank | (values.parse(column).kind == Kind.ABSENT)
        return array, np.array(array.is_null()) & ~absent, "seconds, or a time such as 00:03:20", "not_a_number"
    if field.kind == "number":
        parsed = values.parse(column)
        number = (parsed.kind == Kind.NUMBER) & (np.abs(parsed.value) <= _INT_MAX)
        absent = blank | (parsed.kind == Kind.ABSENT)
        array = pa.array(np.where(number, parsed.value, 0), mask=~number)
        return array, ~number & ~absent, "a number", "not_a_number"
    found, index = each(column, lambda text: field.words.get(normal_name(text)))
    kind = pa.bool_() if field.kind == "flag" else pa.string()
    array = pa.array(found, kind).take(pa.array(index))
    known = " ".join(sorted({str(code) for code in field.words.values()}))
    return array, np.array(array.is_null()) & ~blank, f"a word for one of: {known}", "unknown_word"
