"""Are the people of today those the models were made for, and does what was predicted come true?

Population stability index of every input against the first run (the reference), and, where follow-up is there,
calibration in the large. Yurdakul B. Statistical properties of population stability index, 2018: below 0.1 stable, from
0.25 shifted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.survival.artefact import rounded, write_json
from wellhouse.settings import settings

Array = np.ndarray[Any, np.dtype[Any]]

BINS = 10
SHIFTED = 0.25
FLOOR = 1e-4
"""Share that an empty bin counts as."""
FEWEST = 100
"""People below which a distribution is not judged."""


def reference(values: Array) -> dict[str, Any] | None:
    """Edges and shares of a distribution, the missing as a bin of their own; None for too few people."""
    known = values[~np.isnan(values)]
    if len(known) < FEWEST:
        return None
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    return {"edges": [rounded(e) for e in edges], "shares": [rounded(s) for s in _shares(values, edges)]}


def _shares(values: Array, edges: Array) -> Array:
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)) / len(values)


def psi(before: Mapping[str, Any], values: Array) -> float:
    """Population stability index of ``values`` against :func:`reference`."""
    then = np.maximum(np.array(before["shares"]), FLOOR)
    now = np.maximum(_shares(values, np.array(before["edges"])), FLOOR)
    return float(((now - then) * np.log(now / then)).sum())


def watch(features: pd.DataFrame) -> dict[str, float]:
    """PSI of every input against the reference under ``var/models``, which the first run writes; alerts on a shift.

    :param features: a sample of the mart; only bins' shares are kept, never a row
    """
    path = settings().var / "models" / "drift_reference.json"
    numbers = {
        name: pd.to_numeric(features[name], errors="coerce").to_numpy(dtype=float)
        for name in features.columns
        if name not in ("person_key", "site", "exam_key", "exam_date", "sex")
    }
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    new = {name: found for name, values in numbers.items() if name not in known and (found := reference(values))}
    if new:
        write_json(path, known | new)
    found = {name: rounded(psi(known[name], values)) for name, values in numbers.items() if name in known}
    shifted = {name: value for name, value in found.items() if value >= SHIFTED}
    if shifted:
        _alert(shifted)
    return found


def _alert(shifted: Mapping[str, float]) -> None:
    inputs = ", ".join(f"{name} {value:.2f}" for name, value in sorted(shifted.items()))
    settings().logs.mkdir(parents=True, exist_ok=True)
    with (settings().logs / "alerts.log").open("a", encoding="utf-8") as file:
        now = pd.Timestamp.now("UTC").strftime("%Y-%m-%dT%H:%M:%S+00:00")
        file.write(f"{now} ALERT inputs of the risk models shifted (PSI): {inputs}\n")
