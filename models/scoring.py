"""One model over a table: numbers for the eligible, reasons for the rest."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models import columns as reading
from models import registry
from models.columns import Column
from models.eligibility import check
from models.expressions import evaluate
from models.spec import Spec, find
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]


def score(spec: Spec, table: pd.DataFrame) -> pd.DataFrame:
    """Score every row of ``table``, in its order.

    :param table: columns named as the model's inputs, or as their alternatives (then converted)
    :returns: a column for each output (NaN when not eligible), ``eligible``, ``reason``, ``reason_zh``, ``missing``
        (names parted by ``;``) and ``category`` of the first output (a code of the spec; empty when not eligible)
    :raises WellhouseError: the model's limits let a row through that has no finite result.
    """
    columns = reading.from_table(spec, table)
    for entry in spec.derived:
        columns[entry.input] = _fill(columns[entry.input], find(entry.model), table)
    verdict = check(spec, columns)
    inputs = {name: column.values for name, column in columns.items()}
    numbers = _calculate(spec, inputs, verdict.eligible)
    return pd.DataFrame(
        {
            **numbers,
            "eligible": verdict.eligible,
            "reason": verdict.reason_en,
            "reason_zh": verdict.reason_zh,
            "missing": verdict.missing,
            "category": categorise(spec, numbers[spec.output.name], inputs),
        }
    )


def _fill(column: Column, model: Spec, table: pd.DataFrame) -> Column:
    """Where an input was not given, what the other model computes from the same row."""
    if not column.missing.any():
        return column
    computed = score(model, table)[model.output.name].to_numpy()
    return Column(np.where(column.missing, computed, column.values.astype(float)), column.malformed)


def _calculate(spec: Spec, inputs: Mapping[str, Array], eligible: Array) -> dict[str, Array]:
    """Every output, NaN for those who are not eligible: the equation never sees them."""
    rows = np.flatnonzero(eligible)
    everybody = len(rows) == len(eligible)
    results = _results(spec, inputs if everybody else {name: values[rows] for name, values in inputs.items()})
    numbers = {}
    for output in spec.outputs:
        if not np.isfinite(results[output.name]).all():
            raise WellhouseError(
                f"{spec.model}: an eligible row has no finite {output.name}; its limits in spec.yml are too wide"
            )
        numbers[output.name] = np.full(len(eligible), np.nan)
        numbers[output.name][rows] = results[output.name]
    return numbers


def _results(spec: Spec, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    if spec.kind == "survival":
        from models.survival.artefact import Artefact

        path = registry.coefficients(spec.model, spec.coefficients_path)
        return {spec.output.name: Artefact.read(path).risk(inputs)}
    equation = getattr(importlib.import_module(f"models.{spec.family}.equation"), spec.family)
    wanted = inspect.signature(equation).parameters
    some = {name: values for name, values in inputs.items() if name in wanted or "items" in wanted}
    with np.errstate(all="ignore"):
        found = equation(**some, coefficients=spec.coefficients())
    return found if isinstance(found, dict) else {spec.output.name: np.asarray(found)}


def categorise(spec: Spec, value: Array, inputs: Mapping[str, Array]) -> pd.Categorical:
    """The code of the first category that fits each value; empty for NaN."""
    names = ["", *dict.fromkeys(category.code for category in spec.categories)]
    codes = np.zeros(len(value), dtype=np.int8)
    free = ~np.isnan(value)
    for category in spec.categories:
        fits = free.copy()
        if category.below is not None:
            fits &= value < category.below
        if category.up_to is not None:
            fits &= value <= category.up_to
        if category.when is not None:
            fits &= evaluate(category.when, inputs, len(value)) == 1
        codes[fits] = names.index(category.code)
        free &= ~fits
    return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object))
