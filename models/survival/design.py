"""From covariates to the terms of the linear predictor: themselves, splines, and what the spec adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.expressions import evaluate
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

QUANTILES = {
    3: (0.1, 0.5, 0.9),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.5, 0.725, 0.95),
}
"""Where Harrell places the knots (Regression Modeling Strategies, 2nd ed., 2015, table 2.3)."""


@dataclass(frozen=True)
class Design:
    """``terms``: name → expression over the covariates."""

    covariates: tuple[str, ...]
    terms: Mapping[str, str]

    def matrix(self, x: Array) -> Array:
        """One column a term, for complete covariates."""
        columns = {name: x[:, i] for i, name in enumerate(self.covariates)}
        table = np.column_stack([evaluate(expression, columns, len(x)) for expression in self.terms.values()])
        return np.asarray(table, dtype=float)


def design(spec: FitSpec, x: Array) -> Design:
    """The terms of a spec; knots at quantiles of the values that are known.

    :raises WellhouseError: a covariate has too few different values for its knots.
    """
    terms = {name: f"col({name!r})" for name in spec.covariates}
    for name, count in spec.splines.items():
        known = x[:, list(spec.covariates).index(name)]
        knots = np.unique(np.round(np.nanquantile(known, QUANTILES.get(count) or _even(count)), 6))
        if len(knots) < 3:
            raise WellhouseError(f"covariate {name!r} has too few different values for a spline")
        places = ", ".join(f"{knot:.10g}" for knot in knots)
        for term in range(1, len(knots) - 1):
            terms[f"{name}_spline_{term}"] = f"rcs(col({name!r}), {term}, {places})"
    return Design(tuple(spec.covariates), terms | dict(spec.terms))


def _even(count: int) -> Array:
    return np.linspace(0.05, 0.95, count)
