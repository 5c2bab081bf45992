"""From a table and a spec to the people a model is fitted on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.expressions import evaluate
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

EVENTS_PER_COVARIATE = 10
"""Fewer, and the fit is refused (Peduzzi P et al. J Clin Epidemiol 1995;48:1503-1510)."""


@dataclass(frozen=True)
class Cohort:
    """``time`` in the data's unit, ``event`` boolean, ``x`` one column a covariate (NaN: missing); one entry a person."""  # noqa: E501

    time: Array
    event: Array
    x: Array
    names: tuple[str, ...]
    flow: dict[str, int]
    """How many rows were read and left out, and why."""

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Array) -> Cohort:
        """Some of the people."""
        return replace(self, time=self.time[rows], event=self.event[rows], x=self.x[rows])

    @property
    def complete(self) -> Array:
        """Who has every covariate."""
        return np.asarray(~np.isnan(self.x).any(axis=1))


def prepare(spec: FitSpec, table: pd.DataFrame) -> Cohort:
    """Filter, transform, censor.

    :raises WellhouseError: an expression fails, a covariate is text, or nobody is left.
    """
    columns: dict[str, Any] = {str(name): _values(table[name]) for name in table.columns}
    rows = len(table)
    for name, expression in (spec.transforms or {}).items():
        columns[name] = evaluate(expression, columns, rows)
    kept = evaluate(spec.filter, columns, rows) == 1 if spec.filter else np.ones(rows, dtype=bool)
    time, event = (_numbers(name, evaluate(name, columns, rows)) for name in (spec.duration, spec.event))
    known = ~(np.isnan(time) | np.isnan(event))
    if not np.isin(event[kept & known], (0.0, 1.0)).all():
        raise WellhouseError(f"event {spec.event!r} must be 1 (happened) or 0 (censored)")
    x = np.column_stack([_numbers(n, evaluate(e, columns, rows)) for n, e in spec.covariates.items()])
    x[~np.isfinite(x)] = np.nan
    use = kept & known & (time > 0)
    flow = {
        "rows": rows,
        "filtered_out": int((~kept).sum()),
        "outcome_unknown": int((kept & ~known).sum()),
        "no_follow_up": int((kept & known & ~(time > 0)).sum()),
    }
    cohort = Cohort(time[use], event[use] == 1, x[use], tuple(spec.covariates), flow)
    flow["covariate_missing"] = int((~cohort.complete).sum())
    if spec.missing == "complete_case":
        cohort = cohort.take(cohort.complete)
    if not len(cohort):
        raise WellhouseError("nobody is left after the filter")
    return _censor(cohort, spec.censor_at) if spec.censor_at else cohort


def require_enough(cohort: Cohort) -> None:
    """:raises WellhouseError: too few events for the number of covariates."""
    events, needed = int(cohort.event.sum()), EVENTS_PER_COVARIATE * len(cohort.names)
    if events < needed:
        raise WellhouseError(
            f"{events} events are too few for {len(cohort.names)} covariates: at least {needed} are needed"
        )


def _censor(cohort: Cohort, at: float) -> Cohort:
    return replace(cohort, time=np.minimum(cohort.time, at), event=cohort.event & (cohort.time <= at))


def _values(column: pd.Series) -> Array:
    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    return np.asarray(column.astype(object).where(column.notna(), None).to_numpy(dtype=object))


def _numbers(name: str, values: Array) -> Array:
    if values.dtype == object:
        raise WellhouseError(f"{name!r} is text: give an expression, such as {name} == 'value'")
    return values.astype(float)
