"""Exam reports → exams, observations, answers and outcomes. Wide: a record is an exam; long: a record is one result."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest import lifestyle, pairs, values
from wellhouse.ingest.batch import BAD_DATE, NO_DATE, Batch, Flags, Ints, Layout, dates, each, groups, texts
from wellhouse.ingest.dates import EPOCH
from wellhouse.ingest.dictionary import Dictionary, is_loinc, normal_name
from wellhouse.ingest.employer import employer_key
from wellhouse.ingest.identity import clean
from wellhouse.ingest.keys import numbers, record_keys
from wellhouse.ingest.observe import STATUSES, UNKNOWN, Cells, Item, item, observe
from wellhouse.ingest.people import emit_persons
from wellhouse.ingest.values import Kind
from wellhouse.landing.families import OWN_NUMBER, SAME_EXAM_DAYS

_FIRST_DAY = dt.date(1900, 1, 1)


@dataclass(frozen=True)
class Column:
    """A wide file's result column(s): several are readings whose mean counts, ``otherwise`` fills in for none.

    ``part``: which of the two results in its cells, such as 120/80.
    """

    places: tuple[int, ...]
    otherwise: int | None
    absent: tuple[str, ...]
    part: int | None = None


@dataclass(frozen=True)
class Plan:
    """How this file's results are read; ``columns`` and ``items`` go together, empty for a long file."""

    long: bool
    columns: tuple[Column, ...]
    items: tuple[Item, ...]
    dictionary: Dictionary


def is_long(layout: Layout) -> bool:
    return layout.mapping.layout == "long" or (
        layout.mapping.layout == "auto" and not {"item", "item_code"}.isdisjoint(layout.places)
    )


def plan(layout: Layout, dictionary: Dictionary) -> Plan:
    """Decide what each column is. A column that is neither a role nor ignored is taken for an indicator."""
    if is_long(layout):
        return Plan(True, (), (), dictionary)
    columns, items = [], []
    if layout.mapping.observations is not None:
        for o in layout.mapping.observations:
            if all(name in layout.headers for name in o.read):
                places = tuple(layout.headers.index(c) for c in o.columns)
                otherwise = layout.headers.index(o.otherwise) if o.otherwise else None
                columns.append(Column(places, otherwise, o.absent))
                items.append(item(dictionary, o.columns[0], o.indicator, o.unit))
        return Plan(False, tuple(columns), tuple(items), dictionary)
    taken, codes = set(layout.places.values()), layout.mapping.codes
    for place, header in enumerate(layout.headers):
        if place not in taken and header.strip() and normal_name(header) not in layout.mapping.ignore:
            name, unit = dictionary.header(header)
            pair = layout.mapping.pairs.get(normal_name(name))
            if (mapped := codes.get(normal_name(header)) or codes.get(normal_name(name))) is not None:
                name, unit = mapped.indicator, unit or mapped.unit
            for part, one in ((0, pair[0]), (1, pair[1])) if pair else ((None, name),):
                columns.append(Column((place,), None, (), part))
                items.append(item(dictionary, header, one, unit))
    return Plan(False, tuple(columns), tuple(items), dictionary)


def read(batch: Batch, plan: Plan) -> None:
    """Fill the batch's tables from its records."""
    day = _exam_days(batch)
    keys = _exam_keys(batch, day)
    if not batch.layout.told_in_parts:
        _refuse_other_days(batch, keys, day)
    if plan.long:
        cells, items = _long_cells(batch, plan, _statuses(batch))
    else:
        cells, items = _wide_cells(batch, plan)
    observed = observe(batch, cells, items, keys, plan.dictionary)
    if plan.long:
        # a record is its one result: a bad result is a rejected record
        batch.alive[cells.record[observed.present & ~observed.good]] = False
        _suspect(batch, keys[cells.record], cells.item)
    else:
        _suspect(batch, keys[np.flatnonzero(batch.alive)])
        batch.suspects.append(_twice(cells, items, observed.good, keys))
    # only now is it known which rows live: a rejected one must be nobody's evidence of an exam
    ages, years = _ages(batch, day)
    emit_persons(batch, years)
    _emit_exams(batch, plan, keys, day, ages)
    lifestyle.answers(batch, keys, day)
    lifestyle.outcomes(batch, day)


def _exam_days(batch: Batch) -> Ints:
    """Days since 1970 per record; records without a usable date are rejected."""
    day = batch.days("exam_date")
    if batch.layout.mapping.date_offset_days:
        offset = values.parse(batch.named(batch.layout.mapping.date_offset_days))
        day = np.where(offset.kind == Kind.NUMBER, day + np.nan_to_num(offset.value).astype(np.int64), NO_DATE)
    check_days(batch, "exam_date", day)
    return day


def check_days(batch: Batch, role: str, day: Ints) -> None:
    """Reject records whose date is missing, no date, before the person's birth or in the future."""
    latest = (dt.date.today() - EPOCH).days
    first, run = batch.runs
    on, births = day[first], np.array([*batch.births, 0], np.int64)[batch.owner[first]]
    outside = (on <= NO_DATE) | (on > latest) | (on < (_FIRST_DAY - EPOCH).days)
    for row in np.flatnonzero(batch.alive & outside[run]).tolist():
        if day[row] == NO_DATE:
            batch.reject(row, role, "missing_date", "a date such as 2024-03-05")
        elif day[row] == BAD_DATE:
            batch.reject(row, role, "bad_date", "a date such as 2024-03-05")
        else:
            batch.reject(row, role, "impossible_date", "a date since 1900 and not in the future")
    unborn = (births > 0) & (_yyyymmdd(on) < births)
    for row in np.flatnonzero(batch.alive & unborn[run]).tolist():
        batch.reject(row, role, "impossible_date", "a date after the person's birth")


def _yyyymmdd(day: Ints) -> Ints:
    date = np.where(day <= NO_DATE, 0, day).astype("datetime64[D]")
    years = date.astype("datetime64[Y]").astype(np.int64) + 1970
    months = date.astype("datetime64[M]").astype(np.int64) % 12 + 1
    of_month = (date - date.astype("datetime64[M]")).astype(np.int64) + 1
    return years * 10000 + months * 100 + of_month  # type: ignore[no-any-return]


def _exam_keys(batch: Batch, day: Ints) -> Ints:
    """Per record; by the site's own number, or by person and day when it gives none. 0 for rejected records."""
    return record_keys(batch, "exam", numbers(batch, "exam_number"), day)


def _refuse_other_days(batch: Batch, keys: Ints, day: Ints) -> None:
    """A number that an earlier record gives an exam of quite another day is the person's; of files the loader asks."""
    first, group = groups(keys)
    apart = np.abs(day - day[first[group]]) > SAME_EXAM_DAYS
    for row in np.flatnonzero(batch.alive & (keys != 0) & apart).tolist():
        batch.reject(row, "exam_number", "number_of_another_exam", OWN_NUMBER)


def _ages(batch: Batch, day: Ints) -> tuple[Ints, Ints]:
    """(age at the exam, birth year by it) per record; -1 and 0 where unknown. A birth date beats a stated age."""
    heads, run = batch.runs
    births = np.array([*batch.births, 0], np.int64)[batch.owner[heads]]
    on = _yyyymmdd(day[heads])
    stated = np.full(len(heads), -1, np.int64)
    column = batch.column("age")
    if column is not None:
        found, index = batch.each(column, _age)
        stated = np.array([*found, -1], np.int64)[index]
    years = np.where(stated >= 0, on // 10000 - stated, 0)
    return np.where(births > 0, (on - births) // 10000, stated)[run], years[run]


def _age(text: str) -> int:
    match = re.fullmatch(r"(\d{1,3})(?:\.0+)?\s*岁?", clean(text))
    return int(match[1]) if match and int(match[1]) <= 120 else -1


def _emit_exams(batch: Batch, plan: Plan, keys: Ints, day: Ints, ages: Ints) -> None:
    rows = np.flatnonzero(batch.alive)
    if plan.long:
        # one exam row a block; a number that two persons share stays visible to the loader
        run = batch.runs[1][rows]
        rows = rows[np.r_[True, run[1:] != run[:-1]]] if len(rows) else rows
        rows = rows[groups(keys[rows], batch.owner[rows].astype(np.int64))[0]]
    batch.keys = np.unique(keys[rows])
    batch.emit("exam", {
        "row_number": pa.array(batch.rows[rows].astype(np.int32)),
        "exam_key": pa.array(keys[rows]),
        "person_key": pa.array(batch.person_keys()[rows]),
        "exam_date": dates(day[rows]),
        "age_years": pa.array(ages[rows].astype(np.int32), mask=(ages[rows] < 0) | (ages[rows] > 130)),
        "exam_type": _texts(batch, "exam_type", rows),
        "package": _texts(batch, "package", rows),
        "employer_key": _employers(batch, rows),
    })  # fmt: skip


def _employers(batch: Batch, rows: Ints) -> pa.Array:
    column, layout = batch.column("employer"), batch.layout
    if column is None or not len(rows):
        return pa.nulls(len(rows), pa.int64())
    keys, index = each(column.take(pa.array(rows)), lambda name: employer_key(layout.blind_key, layout.site, name))
    found = np.array(keys, np.int64)[index]
    return pa.array(found, mask=found == 0)


def _texts(batch: Batch, role: str, rows: Ints) -> pa.Array:
    column = batch.column(role)
    return texts(None if column is None else column.take(pa.array(rows)), len(rows))


def _wide_cells(batch: Batch, plan: Plan) -> tuple[Cells, list[Item]]:
    """All result columns of the living records, one after the other."""
    rows = np.flatnonzero(batch.alive)
    if not plan.columns or not len(rows):
        empty = np.empty(0, np.int64)
        return Cells(empty, empty, pa.array([], pa.string())), list(plan.items)
    take = None if len(rows) == len(batch.rows) else pa.array(rows)
    parts: list[pa.Array] = []
    means: list[npt.NDArray[np.float64]] = []
    for column in plan.columns:
        part, mean = _readings(batch, column)
        parts.append(part if take is None else part.take(take))
        means.append(mean if take is None else mean[rows])
    several = any(len(c.places) > 1 or c.otherwise is not None for c in plan.columns)
    return Cells(
        np.tile(rows, len(parts)),
        np.repeat(np.arange(len(parts)), len(rows)),
        pa.concat_arrays(parts),
        np.concatenate(means) if several else None,
    ), list(plan.items)


def _readings(batch: Batch, column: Column) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """(texts, mean of several readings or NaN). The text of several readings is all of them, ``118; 122``."""
    cells = [_blanked(batch.at(place), column.absent) for place in column.places]
    nothing = np.full(len(batch.rows), np.nan)
    if len(cells) == 1 and column.otherwise is None:
        return cells[0] if column.part is None else pairs.half(cells[0], column.part), nothing
    parsed = [values.parse(c) for c in cells]
    stack = np.stack([np.where(p.kind == Kind.NUMBER, p.value, np.nan) for p in parsed])
    count = (~np.isnan(stack)).sum(axis=0)
    whole = np.all([(p.kind == Kind.NUMBER) | (p.kind == Kind.ABSENT) for p in parsed], axis=0)
    mean = np.where((count > 0) & whole, np.nansum(stack, axis=0) / np.maximum(count, 1), np.nan)
    present = [
        pc.if_else(pa.array(p.kind != Kind.ABSENT), c, pa.scalar(None, pa.string()))
        for p, c in zip(parsed, cells, strict=True)
    ]
    # null_handling="skip" drops rows where all are null (Arrow 18), so join blanks and take their separators out
    joined = pc.binary_join_element_wise(*present, "; ", null_handling="replace", null_replacement="")
    text = pc.utf8_trim(pc.replace_substring_regex(joined, "(; )+", "; "), "; ")
    if column.otherwise is None:
        return text, mean
    other = _blanked(batch.at(column.otherwise), column.absent)
    return pc.if_else(pc.equal(text, ""), other, text), mean


def _blanked(cells: pa.Array, absent: tuple[str, ...]) -> pa.Array:
    if not absent:
        return cells
    return pc.if_else(pc.is_in(cells, value_set=pa.array(absent)), "", cells)


def _statuses(batch: Batch) -> Ints:
    """Of every record's result, as an index of STATUSES; records with a word the mapping does not know are rejected."""
    column = batch.column("status")
    if column is None:
        return np.zeros(len(batch.rows), np.int64)
    words = batch.layout.mapping.words.get("status", {})

    def status(text: str) -> int:
        word = normal_name(text)
        said = words.get(word, word) or STATUSES[0]
        return STATUSES.index(said) if said in STATUSES else -1

    found, index = each(column, status)
    statuses = np.array(found, np.int64)[index] if found else np.empty(0, np.int64)
    known = " ".join(sorted({*words, *STATUSES}))
    for row in np.flatnonzero(batch.alive & (statuses < 0)).tolist():
        batch.reject(row, "status", "unknown_word", f"a status of the mapping: {known}")
    return statuses


def _long_cells(batch: Batch, plan: Plan, statuses: Ints) -> tuple[Cells, list[Item]]:
    """The result of every living record; items are the distinct (code, name, unit) of the block."""
    size = len(batch.rows)
    value = batch.column("value")
    assert value is not None
    said = [batch.column(role) for role in ("item_code", "item", "unit")]
    parts = [each(c, str) if c is not None else ([""], np.zeros(size, np.int64)) for c in said]
    first, group = groups(*(index for _, index in parts))
    items = [_long_item(batch.layout, plan.dictionary, *(texts[i[r]] for texts, i in parts)) for r in first.tolist()]
    rows = np.flatnonzero(batch.alive)
    text = value if len(rows) == size else value.take(pa.array(rows))
    return Cells(rows, group[rows], text, status=statuses[rows]), items


def _long_item(layout: Layout, dictionary: Dictionary, code: str, name: str, unit: str) -> Item:
    """The mapping's word on the code or the name comes first, then the code as LOINC's; where it is none, the name.

    The unit column decides; a unit in brackets behind the name, or the mapping's, fills in.
    """
    if not code.strip() and not name.strip():
        which = layout.header("item_code" if "item_code" in layout.places else "item")
        return Item(which, unit.strip(), None, "", UNKNOWN, "the code or the name of what was measured")
    header, codes = layout.header("value"), layout.mapping.codes
    mapped = codes.get(normal_name(code)) if code.strip() else None
    mapped = mapped or codes.get(normal_name(name))
    if mapped is not None:
        return item(dictionary, header, mapped.indicator, unit.strip() or mapped.unit)
    if code.strip() and (indicator := dictionary.loinc.get(code.strip())):
        return item(dictionary, header, indicator, unit)
    if is_loinc(code):
        known = "a LOINC code of the dictionary, or an entry for the code in the mapping's `codes`"
        return Item(header, unit.strip(), None, "", UNKNOWN, known)
    bare, bracketed = dictionary.header(name)
    return item(dictionary, header, bare, unit.strip() or bracketed)


def _twice(cells: Cells, items: list[Item], good: Flags, keys: Ints) -> Ints:
    """Keys of exams whose row has one indicator in several columns, such as 收缩压 and 高压."""
    codes = [item.code for item in items]
    of = {code: place for place, code in enumerate(codes) if code and codes.count(code) > 1}
    if not of:
        return np.empty(0, np.int64)
    code = np.array([of.get(code, -1) for code in codes], np.int64)[cells.item]
    told = good & (code >= 0)
    said, count = np.unique(cells.record[told] * len(items) + code[told], return_counts=True)
    again: Ints = np.unique(keys[said[count > 1] // len(items)])
    return again


def _repeats(keys: Ints, items: Ints) -> bool:
    """Whether some pair may stand twice. The rows of a record mostly follow one another, and its items in any order."""
    if not len(keys):
        return False
    begins = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    if len(np.unique(keys[begins])) < len(begins):
        return True
    run = np.repeat(np.arange(len(begins)), np.diff(np.r_[begins, len(keys)]))
    size = int(items.max()) + 1
    if len(begins) * size > 8 * len(keys):
        return len(np.unique(run * size + items)) < len(keys)
    return bool(np.bincount(run * size + items).max() > 1)


def _suspect(batch: Batch, keys: Ints, items: Ints | None = None) -> None:
    """Remember keys that stand in this block twice: the loader looks whether they are duplicates."""
    if items is None:
        distinct, count = np.unique(keys, return_counts=True)
        batch.suspects.append(distinct[count > 1])
        return
    if not _repeats(keys, items):
        return
    order = np.lexsort((items, keys))
    keys, items = keys[order], items[order]
    same: Flags = (keys[1:] == keys[:-1]) & (items[1:] == items[:-1])
    batch.suspects.append(np.unique(keys[1:][same]))
