"""One model over a table: numbers for the eligible, reasons for the rest."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models import columns as reading
from models.columns import Column
from models.eligibility import check
from models.expressions import evaluate
from models.spec import Spec, find
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]


def score(spec: Spec, table: pd.DataFrame) -> pd.DataFrame:
    """Score every row of ``table``, in its order.

    :param table: columns named as the model's inputs, or as their alternatives (then converted)
    :returns: the output's column (NaN when not eligible), ``eligible``, ``reason``, ``reason_zh``, ``missing``
        (names parted by ``;``) and ``category`` (a code of the spec; empty when not eligible)
    :raises WellhouseError: a column is not in the table.
    """
    columns = reading.from_table(spec, table)
    for entry in spec.derived:
        columns[entry.input] = _fill(columns[entry.input], find(entry.model), table)
    verdict = check(spec, columns)
    inputs = {name: column.values for name, column in columns.items()}
    with np.errstate(all="ignore"):
        value = np.where(verdict.eligible, _calculate(spec, inputs), np.nan)
    if not np.isfinite(value[verdict.eligible]).all():
        raise WellhouseError(f"{spec.model}: an eligible row has no finite result; its limits in spec.yml are too wide")
    return pd.DataFrame(
        {
            spec.output.name: value,
            "eligible": verdict.eligible,
            "reason": verdict.reason_en,
            "reason_zh": verdict.reason_zh,
            "missing": verdict.missing,
            "category": categorise(spec, value, inputs),
        }
    )


def _fill(column: Column, model: Spec, table: pd.DataFrame) -> Column:
    """Where an input was not given, what the other model computes from the same row."""
    try:
        computed = score(model, table)[model.output.name].to_numpy()
    except WellhouseError:  # the other model's columns are not in the table
        return column
    return Column(np.where(column.missing, computed, column.values.astype(float)), column.malformed)


def _calculate(spec: Spec, inputs: Mapping[str, Array]) -> Array:
    if spec.kind == "survival":
        from models.survival.artefact import Artefact

        return Artefact.read(spec.coefficients_path).risk(inputs)
    equation = getattr(importlib.import_module(f"models.{spec.model}.equation"), spec.model)
    wanted = inspect.signature(equation).parameters
    arguments = {name: values for name, values in inputs.items() if name in wanted}
    return np.asarray(equation(**arguments, coefficients=spec.coefficients()["coefficients"]))


def categorise(spec: Spec, value: Array, inputs: Mapping[str, Array]) -> Array:
    """The code of the first category that fits each value; empty for NaN."""
    codes = np.full(len(value), "", dtype=object)
    free = ~np.isnan(value)
    for category in spec.categories:
        fits = free.copy()
        if category.below is not None:
            fits &= value < category.below
        if category.up_to is not None:
            fits &= value <= category.up_to
        if category.when is not None:
            fits &= evaluate(category.when, inputs, len(value)) == 1
        codes[fits] = category.code
        free &= ~fits
    return codes
