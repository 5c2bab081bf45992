"""Result cells → observations: value, comparator, unit, limits; what does not fit is a reject of that cell alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest import values
from wellhouse.ingest.batch import Batch, Flags, Ints
from wellhouse.ingest.dictionary import Dictionary, Indicator
from wellhouse.ingest.values import Kind

PROBLEMS = (
    "", "unknown_indicator", "missing_unit", "unknown_unit", "not_a_number", "unknown_word", "impossible_value",
    "range",
)  # fmt: skip
UNKNOWN = PROBLEMS.index("unknown_indicator")
STATUSES = ("final", "preliminary", "corrected", "cancelled", "entered-in-error", "registered")
"""FHIR's observation-status, ``corrected`` for ``amended``, too; what is ``registered`` has no result yet."""
_TAKEN_BACK = STATUSES.index("cancelled"), STATUSES.index("entered-in-error")


@dataclass(frozen=True)
class Item:
    """What a column (wide) or an item name with its unit (long) stands for; ``problem`` indexes PROBLEMS."""

    header: str
    unit_raw: str
    indicator: Indicator | None
    unit: str
    problem: int
    expected: str

    @property
    def code(self) -> str:
        return self.indicator.code if self.indicator else ""


def item(dictionary: Dictionary, header: str, name: str, unit_raw: str) -> Item:
    """Resolve an indicator's name and unit."""
    indicator = dictionary.indicator(name)
    if indicator is None:
        return Item(
            header, unit_raw, None, "", UNKNOWN, "an indicator of the dictionary, or an entry in the mapping's `ignore`"
        )
    known = " or ".join(indicator.units)
    if not unit_raw.strip():
        unit = indicator.unit_if_blank()
        return Item(header, "", indicator, unit or "", 0 if unit else 2, f"a unit: {known}")
    resolved = dictionary.unit(unit_raw) or ""
    return Item(header, unit_raw.strip(), indicator, resolved, 0 if resolved in indicator.units else 3, known)


@dataclass(frozen=True)
class Cells:
    """Results of a block: per cell its record, its item, its text.

    ``mean``: values taken over several cells; ``status``: indexes STATUSES, all final when there is none.
    """

    record: Ints
    item: Ints
    text: pa.Array
    mean: npt.NDArray[np.float64] | None = None
    status: Ints | None = None


@dataclass(frozen=True)
class Observed:
    """What became of each cell."""

    present: Flags
    good: Flags


def observe(batch: Batch, cells: Cells, items: list[Item], exam_keys: Ints, dictionary: Dictionary) -> Observed:
    """Emit ``landing.observation`` for the good cells, rejects for the bad ones, and count them.

    :param exam_keys: per record of the batch
    """
    parsed = values.parse(cells.text, units=True)
    items, cells = _own_units(items, cells, parsed, dictionary)
    table = _Table(items)
    kind, value = parsed.kind.copy(), parsed.value
    if cells.mean is not None:
        averaged = ~np.isnan(cells.mean)
        kind[averaged], value = Kind.NUMBER, np.where(averaged, cells.mean, value)
    ordinal = table.ordinal[cells.item]
    status = cells.status if cells.status is not None else np.zeros(len(kind), np.int64)
    back = np.isin(status, _TAKEN_BACK)
    present = ((kind != Kind.ABSENT) & ((kind != Kind.NOTHING) | ordinal) & (status < len(STATUSES) - 1)) | back
    found = _problems(table, cells.item, kind, value, ordinal)
    # what is taken back needs no value: often it comes without one, and a wrong one may be why it is taken back
    problem = np.where(back & (found != UNKNOWN), 0, found)
    good = present & (problem == 0)
    bad = np.flatnonzero(present & (problem > 0))
    persons = batch.person_keys()
    for i in bad.tolist():
        which = items[cells.item[i]]
        bad_record = int(cells.record[i])
        batch.rejects.add(
            int(batch.rows[bad_record]), which.header, PROBLEMS[problem[i]], _expected(which, int(problem[i])),
            person=int(persons[bad_record]),
        )  # fmt: skip
    batch.observations.read += int(present.sum())
    batch.observations.loaded += int(good.sum())
    batch.observations.quarantined += len(bad)
    kept = np.flatnonzero(good)
    record, which_item = cells.record[kept], cells.item[kept]
    words = parsed.word.take(pa.array(kept))
    nothing = kind[kept] == Kind.NOTHING
    if nothing.any():
        words = pc.if_else(pa.array(nothing), "neg", words)
    # what was no result may be any text: of one that is taken back, a note of whose it was
    clear = pa.array(found[kept] == 0)
    numbers = (kind[kept] == Kind.NUMBER) & (found[kept] == 0)
    batch.emit("observation", {
        "row_number": pa.array(batch.rows[record].astype(np.int32)),
        "exam_key": pa.array(exam_keys[record]),
        "person_key": pa.array(persons[record]),
        "indicator_code": table.codes.take(pa.array(which_item)),
        "value_raw": pc.if_else(clear, cells.text.take(pa.array(kept)), ""),
        "unit_raw": pc.if_else(clear, table.units_raw.take(pa.array(which_item)), ""),
        "comparator": parsed.comparator.take(pa.array(kept)),
        "value": pa.array(value[kept], mask=~numbers),
        "value_text": words,
        "unit": table.units.take(pa.array(which_item)),
        "status": pa.array(STATUSES).take(pa.array(status[kept])),
    })  # fmt: skip
    return Observed(present, good)


def _own_units(
    items: list[Item], cells: Cells, parsed: values.Parsed, dictionary: Dictionary
) -> tuple[list[Item], Cells]:
    """A unit inside the cell is closer to the number than that of the column or the mapping: it counts."""
    if parsed.unit is None:
        return items, cells
    items, which = list(items), cells.item.copy()
    units = parsed.unit.to_pylist()
    made: dict[tuple[int, str], int] = {}
    for i in np.flatnonzero(np.array(parsed.unit.is_valid())).tolist():
        own = (int(which[i]), units[i])
        if own not in made:
            made[own] = len(items)
            old = items[own[0]]
            items.append(item(dictionary, old.header, old.code, own[1]) if old.indicator else old)
        which[i] = made[own]
    return items, replace(cells, item=which)


class _Table:
    """The items as arrays."""

    def __init__(self, items: list[Item]) -> None:
        conversions = [i.indicator.units[i.unit] if i.indicator and not i.problem else None for i in items]
        self.problem = np.array([i.problem for i in items], np.int8)
        self.ordinal = np.array([bool(i.indicator and i.indicator.ordinal) for i in items], bool)
        self.factor = np.array([c.factor if c else np.nan for c in conversions])
        self.shift = np.array([c.shift if c else np.nan for c in conversions])
        self.log10 = np.array([bool(c and c.log10) for c in conversions], bool)
        self.low = np.array([i.indicator.low if i.indicator else np.nan for i in items])
        self.high = np.array([i.indicator.high if i.indicator else np.nan for i in items])
        self.codes = pa.array([i.code for i in items], pa.string())
        self.units = pa.array([_unit(i) for i in items], pa.string())
        self.units_raw = pa.array([i.unit_raw for i in items], pa.string())


def _unit(which: Item) -> str:
    """The canonical one where there is none to be had: of a result taken back."""
    return which.indicator.unit if which.indicator and which.problem else which.unit


def _problems(
    table: _Table, item: Ints, kind: npt.NDArray[np.int8], value: npt.NDArray[np.float64], ordinal: Flags
) -> npt.NDArray[np.int8]:
    problem = table.problem[item]
    word = (kind == Kind.WORD) | (kind == Kind.NOTHING)
    problem = np.where((problem == 0) & ordinal & ~word, 5, problem)
    problem = np.where((problem == 0) & ~ordinal & (kind != Kind.NUMBER), 4, problem)
    problem = np.where((problem == 4) & (kind == Kind.RANGE), 7, problem)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(table.log10[item], np.log10(value), value) if table.log10.any() else value
        canonical = plain * table.factor[item] + table.shift[item]
        # a conversion factor is rounded to a few digits: leave the limits that much room
        slack = 1e-9 + 1e-4 * np.abs(canonical) * (table.factor[item] != 1)
        outside = ~((canonical >= table.low[item] - slack) & (canonical <= table.high[item] + slack))
    return np.where((problem == 0) & ~ordinal & outside, 6, problem).astype(np.int8)


def _expected(which: Item, problem: int) -> str:
    indicator = which.indicator
    if problem <= 3 or indicator is None:
        return which.expected
    if problem == 4:
        return f"a number in {which.unit}"
    if problem == 7:
        return f"one number in {which.unit}, not a range"
    if problem == 5:
        return "an ordinal result: 阴性, ±, 1+ to 4+, 阳性"
    return f"{indicator.low:g} to {indicator.high:g} {indicator.unit}"
