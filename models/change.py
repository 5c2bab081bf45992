"""What would change a person's risk: each input that a person can bring to its target, alone and all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from models import columns as reading
from models.scoring import score
from models.spec import Input, Spec

Array = np.ndarray[Any, np.dtype[Any]]

ALL = "all"
LEAST = 0.001
"""A gain of less than a tenth of a percentage point is not worth a line."""


def changes(spec: Spec, table: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """One row a person and input whose target lowers the risk.

    :param table: as :func:`models.scoring.score` takes it
    :param now: the scores of ``table``
    :returns: ``row`` (place in the table), ``input``, ``target``, ``value`` (the risk then), ``risk`` (now)
    """
    parts = list(_each(spec, table, now))
    names = ("row", "input", "target", "value", "risk")
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in names})


def _each(spec: Spec, table: pd.DataFrame, now: pd.DataFrame) -> Iterator[pd.DataFrame]:
    columns = reading.from_table(spec, table)
    risk, eligible = now[spec.output.name].to_numpy(dtype=float), now["eligible"].to_numpy()
    entries = {entry.name: entry for entry in spec.inputs if entry.target is not None}
    given = {name: columns[name].values.astype(float) for name in entries}
    above = {name: eligible & (given[name] > _target(entry)) for name, entry in entries.items()}
    for name, entry in entries.items():
        yield _lower(spec, table, risk, above[name], given, {name: entry})
    if len(entries) > 1:
        yield _lower(spec, table, risk, np.sum(list(above.values()), axis=0) > 1, given, entries)


def _target(entry: Input) -> float:
    assert entry.target is not None
    return entry.target


def _lower(
    spec: Spec, table: pd.DataFrame, risk: Array, who: Array, given: Mapping[str, Array], entries: Mapping[str, Input]
) -> pd.DataFrame:
    rows = np.flatnonzero(who)
    other = table.iloc[rows].copy()
    for name, entry in entries.items():
        # in the model's own unit, which is read before the warehouse's column
        other[name] = np.minimum(given[name][rows], _target(entry))
    then = score(spec, other)[spec.output.name].to_numpy(dtype=float) if len(rows) else np.zeros(0)
    gains = then < risk[rows] - LEAST
    name, entry = next(iter(entries.items()))
    return pd.DataFrame(
        {
            "row": rows[gains],
            "input": name if len(entries) == 1 else ALL,
            "target": _target(entry) if len(entries) == 1 else np.nan,
            "value": then[gains],
            "risk": risk[rows][gains],
        }
    )
