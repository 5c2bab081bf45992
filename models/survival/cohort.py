"""From a table and a spec to the people a model is fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from models.expressions import columns_of, evaluate
from models.survival.spec import EXPRESSIONS, FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

EVENTS_PER_COVARIATE = 10
"""Fewer, and the fit is refused (Peduzzi P et al. J Clin Epidemiol 1995;48:1503-1510)."""


@dataclass(frozen=True)
class Cohort:
    """One entry a person; with several exams a person, one an exam, under observation from ``entry`` to ``time``.

    ``time`` in the data's unit, ``event`` boolean, ``x`` one column a covariate (NaN: missing).
    """

    time: Array
    event: Array
    x: Array
    names: tuple[str, ...]
    flow: dict[str, int]
    """How many rows were read and left out, and why."""
    entry: Array | None = None
    competing: Array | None = None
    person: Array | None = None
    until: Array | None = None
    """With several exams a person: the end of all their follow-up, and whether the event was there (``happened``)."""
    happened: Array | None = None
    identity: Array | None = None
    """Of a resample: which entry of the whole each is, the same more than once."""
    groups: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Array) -> Cohort:
        """Some of the entries."""
        some: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[rows]
            for name in ("time", "event", "x", "entry", "competing", "person", "until", "happened", "identity")
        }
        return replace(self, **some, groups={name: values[rows] for name, values in self.groups.items()})

    def draw(self, rng: np.random.Generator) -> Cohort:
        """As many people, drawn with replacement, each with all their entries."""
        if self.person is None:
            drawn = rng.integers(0, len(self), len(self))
            return replace(self.take(drawn), identity=drawn)
        order = np.argsort(self.person, kind="stable")
        _, starts, counts = np.unique(self.person[order], return_index=True, return_counts=True)
        drawn = rng.integers(0, len(starts), len(starts))
        return self.take(np.concatenate([order[starts[i] : starts[i] + counts[i]] for i in drawn]))

    def baseline(self) -> Cohort:
        """Each person's first entry with the whole follow-up after it: whom predictions are judged on."""
        if self.person is None or self.until is None or self.happened is None or self.entry is None:
            return self
        first = np.lexsort((self.entry, self.person))
        first = first[np.unique(self.person[first], return_index=True)[1]]
        some = self.take(first)
        assert some.until is not None and some.happened is not None and some.entry is not None  # noqa: PT018
        return replace(
            some, time=some.until - some.entry, event=some.happened, entry=None, person=None, until=None, happened=None
        )

    @property
    def complete(self) -> Array:
        """Who has every covariate."""
        return np.asarray(~np.isnan(self.x).any(axis=1))


def prepare(spec: FitSpec, table: pd.DataFrame) -> Cohort:
    """Filter, transform, censor.

    :raises WellhouseError: an expression fails, a covariate is text, or nobody is left.
    """
    absent = missing_columns(spec, table)
    if absent:
        raise WellhouseError("; ".join(f"missing column {name!r}, used by {key}" for name, key in absent.items()))
    if not len(table):
        raise WellhouseError("there is a header, but no row")
    columns: dict[str, Any] = {str(name): _values(table[name]) for name in table.columns}
    rows = len(table)
    for name, expression in spec.transforms.items():
        columns[name] = evaluate(expression, columns, rows)
    kept = evaluate(spec.filter, columns, rows) == 1 if spec.filter else np.ones(rows, dtype=bool)
    time, event = (_numbers(name, evaluate(name, columns, rows)) for name in (spec.duration, spec.event))
    known = ~(np.isnan(time) | np.isnan(event))
    if not np.isin(event[kept & known], (0.0, 1.0)).all():
        raise WellhouseError(f"event {spec.event!r} must be 1 (happened) or 0 (censored)")
    x = np.column_stack([_numbers(n, evaluate(e, columns, rows)) for n, e in spec.covariates.items()])
    x[~np.isfinite(x)] = np.nan
    begin = spec.starts or spec.entry
    entry = _numbers(begin, evaluate(begin, columns, rows)) if begin else None
    followed = time > (0 if entry is None else entry)
    use = kept & known & followed
    flow = {
        "rows": rows,
        "filtered_out": int((~kept).sum()),
        "outcome_unknown": int((kept & ~known).sum()),
        "no_follow_up": int((kept & known & ~followed).sum()),
    }
    cohort = Cohort(
        time[use],
        event[use] == 1,
        x[use],
        tuple(spec.covariates),
        flow,
        entry=None if entry is None else entry[use],
        competing=_other(spec, columns, rows, event)[use] if spec.competing else None,
        person=pd.factorize(evaluate(spec.person, columns, rows)[use])[0] if spec.person else None,
        groups={name: _labels(evaluate(e, columns, rows))[use] for name, e in spec.subgroups.items()},
    )
    if spec.censor_at:
        cohort = _censor(cohort, spec.censor_at)
    if spec.starts:
        cohort = _periods(cohort)
    flow["covariate_missing"] = int((~cohort.complete).sum())
    if spec.missing == "complete_case":
        cohort = cohort.take(cohort.complete)
    if not len(cohort):
        raise WellhouseError("nobody is left after the filter")
    return cohort


def missing_columns(spec: FitSpec, table: pd.DataFrame) -> dict[str, str]:
    """Column → the first key of the spec that needs it, of columns that the table does not have."""
    known = {*map(str, table.columns)}
    one = {key: getattr(spec, key) for key in EXPRESSIONS}
    many = {key: getattr(spec, key) for key in ("transforms", "covariates", "subgroups")}
    used = [(key, expression) for key, expression in one.items() if expression is not None]
    used += [(f"{key}: {name}", expression) for key, some in many.items() for name, expression in some.items()]
    found: dict[str, str] = {}
    for key, expression in used:
        for name in sorted(columns_of(expression, known) - known - set(spec.transforms)):
            found.setdefault(name, key)
    return found


def _other(spec: FitSpec, columns: Mapping[str, Any], rows: int, event: Array) -> Array:
    assert spec.competing is not None
    other = _numbers(spec.competing, evaluate(spec.competing, columns, rows))
    return np.asarray((other == 1) & (event != 1))


def _labels(values: Array) -> Array:
    return np.array(["" if pd.isna(v) else f"{v:g}" if isinstance(v, float) else str(v) for v in values.tolist()])


def _periods(cohort: Cohort) -> Cohort:
    """Each exam's covariates hold until the next exam: what a later exam found is not known before it."""
    assert cohort.person is not None and cohort.entry is not None  # noqa: PT018
    order = np.lexsort((cohort.entry, cohort.person))
    some = cohort.take(order)
    assert some.person is not None and some.entry is not None  # noqa: PT018
    last = np.append(some.person[1:] != some.person[:-1], True)
    following = np.append(some.entry[1:], np.inf)
    stop = np.where(last, some.time, np.minimum(some.time, following))
    event = some.event & (some.time <= stop)
    ended = replace(some, until=some.time, happened=some.event, time=stop, event=event)
    return ended.take(ended.time > some.entry)


def require_enough(cohort: Cohort) -> None:
    """:raises WellhouseError: too few events for the number of covariates."""
    if not cohort.event.any():
        raise WellhouseError("nobody had the event")
    events, needed = int(cohort.event.sum()), EVENTS_PER_COVARIATE * len(cohort.names)
    if events < needed:
        raise WellhouseError(
            f"{events} events are too few for {len(cohort.names)} covariates: at least {needed} are needed"
        )


def _censor(cohort: Cohort, at: float) -> Cohort:
    early = cohort.time <= at
    cut = replace(
        cohort,
        time=np.minimum(cohort.time, at),
        event=cohort.event & early,
        competing=None if cohort.competing is None else cohort.competing & early,
    )
    return cut if cohort.entry is None else cut.take(cohort.entry < at)


def _values(column: pd.Series) -> Array:
    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    return np.asarray(column.astype(object).where(column.notna(), None).to_numpy(dtype=object))


def _numbers(name: str, values: Array) -> Array:
    if values.dtype == object:
        given = pd.Series(values, dtype=object)
        numbers = pd.to_numeric(given, errors="coerce")
        if numbers.notna().any() or given.isna().all():
            row = int(np.argmax(given.notna() & numbers.isna())) + 2  # the header is row 1
            raise WellhouseError(f"row {row}, {name!r}: expected a number")
        raise WellhouseError(f"{name!r} is text: give an expression, such as {name} == 'value'")
    return values.astype(float)
