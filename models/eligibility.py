"""Who may be given a number, and if not, why: in English and Chinese, never with the value itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.columns import Column
from models.expressions import evaluate
from models.spec import Input, Spec

Array = np.ndarray[Any, np.dtype[Any]]

BITS = 40
"""Objections that one whole number holds beside the combinations before."""
UNITS = {
    "1": ("", ""),
    "a": (" years", "岁"),
    "mm[Hg]": (" mmHg", " mmHg"),
    "mL/min/{1.73_m2}": (" mL/min/1.73 m²", " mL/min/1.73 m²"),
}
"""UCUM units that people write otherwise, in English and Chinese."""
EXPECTED = {
    "quantity": ("not a number", "不是数字"),
    "points": ("not a whole number", "不是整数"),
    "choice": ("not one of the known values", "不是规定的取值"),
    "flag": ("not yes or no (1 or 0)", "不是“是”或“否”"),
    "sex": ("not male or female", "不是男或女"),
}


@dataclass(frozen=True)
class Verdict:
    """One entry a row. ``reason_*`` are empty for the eligible; ``missing`` names inputs, parted by ``;``."""

    eligible: Array
    reason_en: pd.Categorical
    reason_zh: pd.Categorical
    missing: pd.Categorical


@dataclass(frozen=True)
class _Objection:
    rows: Array
    en: str
    zh: str
    missing: str = ""


def check(spec: Spec, columns: Mapping[str, Column]) -> Verdict:
    """Judge every row against the model's requirements and limits."""
    objections = [o for o in _all(spec, columns) if o.rows.any()]
    # each objection is a bit: texts are put together once a combination, not once a row
    chosen: list[list[_Objection]] = [[]]
    which = np.zeros(len(next(iter(columns.values())).values), dtype=np.int64)
    for start in range(0, len(objections), BITS):
        some = objections[start : start + BITS]
        code = which << len(some)
        for bit, objection in enumerate(some):
            code |= objection.rows.astype(np.int64) << bit
        combinations, which = np.unique(code, return_inverse=True)
        chosen = [
            chosen[combination >> len(some)] + [o for bit, o in enumerate(some) if combination >> bit & 1]
            for combination in combinations.tolist()
        ]
    return Verdict(
        eligible=np.array([not some for some in chosen])[which],
        reason_en=_texts(["; ".join(o.en for o in some) for some in chosen], which),
        reason_zh=_texts(["；".join(o.zh for o in some) for some in chosen], which),
        missing=_texts([";".join(o.missing for o in some if o.missing) for some in chosen], which),
    )


def _all(spec: Spec, columns: Mapping[str, Column]) -> Iterator[_Objection]:
    inputs = {name: column.values for name, column in columns.items()}
    rows = len(next(iter(inputs.values())))
    points = [entry for entry in spec.inputs if entry.kind == "points" and entry.required]
    gone = np.sum([columns[entry.name].missing for entry in points], axis=0)
    for entry in spec.inputs:
        needed = np.full(rows, entry.required)
        if entry.required_when:
            needed = evaluate(entry.required_when, inputs, rows) == 1
        if entry.kind == "points" and spec.may_miss:
            needed &= gone > spec.may_miss
        yield from _of_input(entry, columns[entry.name], needed)
    for group in spec.one_of:
        yield _of_group(spec, group, columns)
    for exclusion in spec.excluded:
        yield _Objection(evaluate(exclusion.when, inputs, rows) == 1, exclusion.reason_en, exclusion.reason_zh)


def _texts(values: list[str], which: Array) -> pd.Categorical:
    """The value of each row; every different text is held once."""
    codes, texts = pd.factorize(np.array(values, dtype=object))
    return pd.Categorical.from_codes(codes[which], categories=pd.Index(texts, dtype=object))


def _of_input(entry: Input, column: Column, needed: Array) -> Iterator[_Objection]:
    if needed.any():
        yield _Objection(column.missing & needed, f"{entry.name_en} is missing", f"缺少{entry.name_zh}", entry.name)
    if column.malformed.any():
        en, zh = EXPECTED[entry.kind]
        yield _Objection(column.malformed, f"{entry.name_en} is {en}", f"{entry.name_zh}{zh}")
    if entry.excluded_en and entry.excluded_zh:
        yield _Objection(column.values == 1, entry.excluded_en, entry.excluded_zh)
    elif entry.kind in ("quantity", "points"):
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
