"""Conversion between the units of one indicator, by the factors the warehouse itself uses."""

from __future__ import annotations

import csv
from functools import cache
from typing import Any

import numpy as np

from wellhouse.errors import WellhouseError
from wellhouse.settings import settings

Array = np.ndarray[Any, np.dtype[np.float64]]


@cache
def _factors() -> dict[tuple[str, str], tuple[float, float, str]]:
    path = settings().root / "dbt_project" / "seeds" / "indicator_units.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["indicator_code"], row["unit"]): (float(row["factor"]), float(row["shift"]), row["transform"])
            for row in csv.DictReader(file)
        }


def convert(values: Array, indicator: str, unit: str, into: str) -> Array:
    """Values of ``indicator`` in UCUM ``unit``, expressed in ``into``: the same shape, NaN stays NaN.

    Source: ``dbt_project/seeds/indicator_units.csv``, canonical = factor * f(x) + shift with f linear or log10.

    :raises WellhouseError: the indicator is not known in one of the units.
    """
    if unit == into:
        return values
    for wanted in (unit, into):
        if (indicator, wanted) not in _factors():
            raise WellhouseError(f"unit {wanted!r} of {indicator} has no factor in indicator_units.csv")
    factor, shift, transform = _factors()[indicator, unit]
    canonical = factor * (np.log10(values) if transform == "log10" else values) + shift
    factor, shift, transform = _factors()[indicator, into]
    inverse = (canonical - shift) / factor
    return np.asarray(10**inverse if transform == "log10" else inverse, dtype=float)
