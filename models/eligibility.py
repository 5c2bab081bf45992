"""Who may be given a number, and if not, why: in English and Chinese, never with the value itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import Column
from models.spec import Input, Spec

Array = np.ndarray[Any, np.dtype[Any]]

UNITS = {
    "1": ("", ""),
    "a": (" years", "岁"),
    "mm[Hg]": (" mmHg", " mmHg"),
    "mL/min/{1.73_m2}": (" mL/min/1.73 m²", " mL/min/1.73 m²"),
}
"""UCUM units that people write otherwise, in English and Chinese."""
EXPECTED = {
    "quantity": ("not a number", "不是数字"),
    "flag": ("not yes or no (1 or 0)", "不是“是”或“否”"),
    "sex": ("not male or female", "不是男或女"),
}


@dataclass(frozen=True)
class Verdict:
    """One entry a row. ``reason_*`` are empty for the eligible; ``missing`` names inputs, parted by ``;``."""

    eligible: Array
    reason_en: Array
    reason_zh: Array
    missing: Array


@dataclass(frozen=True)
class _Objection:
    rows: Array
    en: str
    zh: str
    missing: str = ""


def check(spec: Spec, columns: Mapping[str, Column]) -> Verdict:
    """Judge every row against the model's requirements and limits."""
    objections = [o for entry in spec.inputs for o in _of_input(entry, columns[entry.name])]
    objections += [_of_group(spec, group, columns) for group in spec.one_of]
    # each objection is a bit: texts are put together once a combination, not once a row
    code = np.zeros(len(next(iter(columns.values())).values), dtype=np.int64)
    for bit, objection in enumerate(objections):
        code |= objection.rows.astype(np.int64) << bit
    combinations, which = np.unique(code, return_inverse=True)
    chosen = [[o for bit, o in enumerate(objections) if combination >> bit & 1] for combination in combinations]
    return Verdict(
        eligible=code == 0,
        reason_en=_texts(["; ".join(o.en for o in some) for some in chosen])[which],
        reason_zh=_texts(["；".join(o.zh for o in some) for some in chosen])[which],
        missing=_texts([";".join(o.missing for o in some if o.missing) for some in chosen])[which],
    )


def _texts(values: list[str]) -> Array:
    return np.array(values, dtype=object)


def _of_input(entry: Input, column: Column) -> Iterator[_Objection]:
    if entry.required:
        yield _Objection(column.missing, f"{entry.name_en} is missing", f"缺少{entry.name_zh}", entry.name)
    if column.malformed.any():
        en, zh = EXPECTED[entry.kind]
        yield _Objection(column.malformed, f"{entry.name_en} is {en}", f"{entry.name_zh}{zh}")
    if entry.excluded_en and entry.excluded_zh:
        yield _Objection(column.values == 1, entry.excluded_en, entry.excluded_zh)
    elif entry.kind == "quantity":
        en, zh = _limits(entry)
        yield _Objection(_outside(entry, column.values), f"{entry.name_en} is outside {en}", f"{entry.name_zh}超出{zh}")


def _outside(entry: Input, values: Array) -> Array:
    outside = np.zeros(len(values), dtype=bool)
    if entry.min is not None:
        outside |= values < entry.min
    if entry.max is not None:
        outside |= (values >= entry.max) if entry.max_exclusive else (values > entry.max)
    return outside


def _limits(entry: Input) -> tuple[str, str]:
    """The limits in words, such as ``18.5 to <40 kg/m2`` and ``18.5～<40 kg/m2``."""
    unit_en, unit_zh = UNITS.get(entry.unit, (f" {entry.unit}", f" {entry.unit}"))
    below = "<" if entry.max_exclusive else ""
    if entry.min is None:
        return f"0 to {below}{entry.max:g}{unit_en}", f"0～{below}{entry.max:g}{unit_zh}"
    if entry.max is None:
        return f"{entry.min:g} and more{unit_en}", f"{entry.min:g}及以上{unit_zh}"
    return f"{entry.min:g} to {below}{entry.max:g}{unit_en}", f"{entry.min:g}～{below}{entry.max:g}{unit_zh}"


def _of_group(spec: Spec, group: tuple[str, ...], columns: Mapping[str, Column]) -> _Objection:
    rows = np.logical_and.reduce([columns[name].missing for name in group])
    named = [entry for entry in spec.inputs if entry.name in group]
    en, zh = " or ".join(entry.name_en for entry in named), "或".join(entry.name_zh for entry in named)
    return _Objection(rows, f"{en} is missing", f"缺少{zh}", ";".join(group))
