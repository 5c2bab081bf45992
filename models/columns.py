"""From a table's cells to the columns an equation takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from models.spec import Input, Spec
from models.units import convert
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

SEXES = {
    "male": "male", "m": "male", "男": "male", "男性": "male", "1": "male", "1.0": "male",
    "female": "female", "f": "female", "女": "female", "女性": "female", "2": "female", "2.0": "female",
}  # fmt: skip
FLAGS = {"1": 1.0, "1.0": 1.0, "true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "是": 1.0, "有": 1.0} | {
    "0": 0.0, "0.0": 0.0, "false": 0.0, "f": 0.0, "no": 0.0, "n": 0.0, "否": 0.0, "无": 0.0,
}  # fmt: skip


@dataclass
class Column:
    """One input for every row.

    ``values``: float64 with NaN for missing (flags are 0 and 1), or object ``male`` / ``female`` / None.
    ``malformed``: there is something in the cell that cannot be read as the input.
    """

    values: Array
    malformed: Array

    @cached_property
    def missing(self) -> Array:
        return np.asarray(pd.isna(self.values) & ~self.malformed)


def from_table(spec: Spec, table: pd.DataFrame) -> dict[str, Column]:
    """Every input of the model; one that the table lacks is missing in every row.

    :param table: one row a person; cells as text, numbers or booleans
    """
    return {entry.name: _column(entry, table) for entry in spec.inputs}


def require(spec: Spec, table: pd.DataFrame) -> None:
    """
    :raises WellhouseError: a required column, or all columns of which one is needed, are not in the table.
    """
    given = {entry.name for entry in spec.inputs if _source(entry, table) is not None}
    computed = {derived.input for derived in spec.derived}
    absent = [entry.name for entry in spec.inputs if entry.required and entry.name not in given | computed]
    absent += [" or ".join(group) for group in spec.one_of if not given & set(group)]
    if absent:
        raise WellhouseError(f"{spec.model}: missing column: {', '.join(absent)}")


def _source(entry: Input, table: pd.DataFrame) -> str | None:
    if entry.name in table:
        return entry.name
    return entry.alternative.column if entry.alternative and entry.alternative.column in table else None


def _column(entry: Input, table: pd.DataFrame) -> Column:
    source = _source(entry, table)
    if source is None:
        absent = entry.default if entry.kind in ("choice", "sex") else np.nan
        text = entry.kind in ("choice", "sex")
        values = np.full(len(table), absent, dtype=object if text else float)
        return Column(values, np.zeros(len(table), dtype=bool))
    cells = table[source]
    if entry.kind == "sex":
        return _words(cells, SEXES, object)
    if entry.kind == "flag":
        return _words(cells, FLAGS, float)
    if entry.kind == "choice":
        column = _words(cells, {value: value for value in entry.values}, object)
        given = np.where(column.missing, np.array(entry.default, dtype=object), column.values)
        return Column(given, column.malformed)
    column = _numbers(cells)
    if entry.kind == "points":
        whole = np.isnan(column.values) | (column.values == np.floor(column.values))
        column = Column(np.where(whole, column.values, np.nan), column.malformed | ~whole)
    if entry.alternative and source != entry.name and entry.alternative.unit != entry.unit:
        indicator = entry.alternative.indicator or entry.name
        return Column(convert(column.values, indicator, entry.alternative.unit, entry.unit), column.malformed)
    return column


def _numbers(cells: pd.Series) -> Column:
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, na_value=np.nan).copy()
    values[~np.isfinite(values)] = np.nan
    return Column(values, np.asarray(cells.notna() & np.isnan(values)))


def _words(cells: pd.Series, known: dict[str, Any], dtype: type) -> Column:
    if pd.api.types.is_numeric_dtype(cells) and dtype is float:
        values = cells.to_numpy(dtype=float, na_value=np.nan)
        bad = ~(np.isnan(values) | (values == 0) | (values == 1))
        return Column(np.where(bad, np.nan, values), bad)
    # only the few distinct spellings are looked up
    codes, spellings = pd.factorize(cells.astype(object))
    found = np.array([known.get(str(s).strip().lower()) for s in spellings] + [None], dtype=object)
    values = found[codes]
    return Column(values.astype(dtype), np.asarray(cells.notna() & pd.isna(values)))
