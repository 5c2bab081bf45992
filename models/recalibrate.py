"""``python -m models.recalibrate MODEL --data F.csv --horizon H``: fit an equation's risk to the centre's own people.

Two numbers are fitted on followed-up people: the intercept and the slope of log(-log(1 - risk)), the risk kept as it
ranks people (van Houwelingen HC. Stat Med 2000;19:3401-3415). The result is a version of its own under ``var``; the
published one stays as it is, and both are scored.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models import registry
from models.columns import from_table
from models.command import UsageError, run
from models.scoring import categorise, score
from models.spec import Spec, find
from models.survival import metrics
from models.survival.artefact import digest, rounded, write_json
from models.survival.partial import Risk, breslow, solve
from models.tables import read_csv
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

FEWEST = 100
"""Events below which two numbers cannot be told apart from chance (Riley RD et al. Stat Med 2021;40:4230-4251)."""


@dataclass(frozen=True)
class Recalibration:
    """risk' = 1 - exp(-exp(intercept + slope * log(-log(1 - risk))))."""

    intercept: float
    slope: float

    def apply(self, risk: Array) -> Array:
        """Of probabilities, the same shape; NaN stays NaN."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(-np.expm1(-np.exp(self.intercept + self.slope * np.log(-np.log1p(-risk)))))


def fit(time: Array, event: Array, risk: Array, horizon: float) -> Recalibration:
    """Slope by Cox's partial likelihood, intercept by the baseline hazard at the horizon.

    :param risk: the published one by ``horizon``, of people followed for ``time``
    :raises WellhouseError: too few events by the horizon.
    """
    early = event & (time <= horizon)
    if early.sum() < FEWEST:
        raise WellhouseError(f"{int(early.sum())} events by the horizon are too few: at least {FEWEST} are needed")
    x = np.log(-np.log1p(-np.clip(risk, 1e-9, 1 - 1e-9)))
    people = Risk(np.minimum(time, horizon), early)
    slope = float(solve(people, x[:, None]).beta[0])
    _, hazard = breslow(people, slope * x)
    return Recalibration(float(np.log(hazard[-1])), slope)


def recalibrate(model: str, data: Path, duration: str, event: str, horizon: float) -> dict[str, Any]:
    """
    :param data: CSV of the model's inputs at baseline, and of what became of the people
    :returns: what is written to ``var/models/<model>/recalibration.json``
    :raises WellhouseError: the model gives no risk, a column is missing, or there are too few events.
    """
    spec = find(model)
    if spec.kind != "equation" or spec.output.unit != "1" or not spec.output.name.startswith("risk"):
        raise UsageError(f"{model} gives no probability: there is nothing to recalibrate")
    table = read_csv(data)
    absent = [name for name in (duration, event) if name not in table]
    if absent:
        raise WellhouseError(f"{data}: missing column: {', '.join(absent)}")
    scores = score(spec, table)
    time, happened = (pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float) for name in (duration, event))
    use = scores["eligible"].to_numpy() & (time > 0) & ~np.isnan(happened)
    risk = scores[spec.output.name].to_numpy()[use]
    numbers = fit(time[use], happened[use] == 1, risk, horizon)
    after = numbers.apply(risk)
    found = {
        "model": model,
        "version": f"{spec.version}-{digest(data)[:8]}",
        "of_version": spec.version,
        "intercept": rounded(numbers.intercept),
        "slope": rounded(numbers.slope),
        "n": int(use.sum()),
        "events": int(((happened[use] == 1) & (time[use] <= horizon)).sum()),
        "horizon": horizon,
        "observed_risk": rounded(metrics.observed_risk(time[use], happened[use] == 1, horizon)),
        "predicted_before": rounded(float(risk.mean())),
        "predicted_after": rounded(float(after.mean())),
        "data": {"file": data.name, "sha256": digest(data)},
    }
    write_json(registry.folder(model) / "recalibration.json", found)
    return found


def versions(spec: Spec) -> list[tuple[Spec, Recalibration | None]]:
    """The published version, and the centre's own where there is one."""
    path = registry.folder(spec.model) / "recalibration.json"
    if not path.is_file():
        return [(spec, None)]
    own = json.loads(path.read_text(encoding="utf-8"))
    if own["of_version"] != spec.version:
        return [(spec, None)]
    # only the first output is recalibrated
    shown = replace(spec, version=own["version"], outputs=spec.outputs[:1])
    return [(spec, None), (shown, Recalibration(own["intercept"], own["slope"]))]


def recalibrated(spec: Spec, scores: pd.DataFrame, how: Recalibration, table: pd.DataFrame) -> pd.DataFrame:
    """The scores of the published version, brought to the centre's people; categories by the same thresholds."""
    name = spec.output.name
    value = how.apply(scores[name].to_numpy(dtype=float))
    inputs = {key: column.values for key, column in from_table(spec, table).items()}
    return scores.assign(**{name: value, "category": categorise(spec, value, inputs)})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.recalibrate", description="recalibrate an equation")
    parser.add_argument("model", help="an equation of `python -m models.list` that gives a risk")
    parser.add_argument("--data", type=Path, required=True, help="CSV: the model's inputs, and what became of people")
    parser.add_argument("--duration", default="days", help="column: follow-up time; default: days")
    parser.add_argument("--event", default="event", help="column: 1 happened, 0 censored; default: event")
    parser.add_argument("--horizon", type=float, default=3652, help="of the risk, in the unit of the time")
    arguments = parser.parse_args()
    found = recalibrate(arguments.model, arguments.data, arguments.duration, arguments.event, arguments.horizon)
    print(json.dumps(found))


if __name__ == "__main__":
    run(main)
