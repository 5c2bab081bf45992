"""``python -m models.refit MODEL``: fit again; promote only what beats the current version on a frozen set.

The frozen set is a fifth of the people, chosen by a hash of their covariates, so that it stays the same as people are
added. No version that is fitted here ever sees it. (The shipped version was fitted on all the people of its day: it is
the harder to displace.)
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models import registry
from models.command import run
from models.spec import find
from models.survival import artefact, card
from models.survival.artefact import Artefact, digest, write_json
from models.survival.checks import proportional_hazards
from models.survival.cohort import Cohort, prepare, require_enough
from models.survival.model import Model, fit
from models.survival.spec import FitSpec, load
from models.survival.validate import measure, predict, validate
from models.tables import read_csv
from wellhouse.errors import WellhouseError
from wellhouse.settings import settings

Array = np.ndarray[Any, np.dtype[Any]]

FROZEN = 5
"""One in so many people is never fitted on."""
WORSE = 0.1
"""How much farther from 1 the calibration slope may be."""


def refit(model: str, data: Path | None = None) -> dict[str, Any]:
    """
    :returns: the registry's entry; of the fit before when neither data nor specification nor code changed
    :raises WellhouseError: the data is not there, or cannot be fitted.
    """
    path = find(model).folder / "spec.yml"
    spec = load(path)
    given = data
    data = data or (settings().root / (spec.data or "")).resolve()
    if given is None and not data.is_file():
        return {"version": spec.version, "unchanged": True, "reason": "the data that the spec names is not here"}
    table = read_csv(data)
    identity = {"data": digest(data), "spec": digest(path), "code": artefact.code()}
    versions = registry.read(model)["versions"]
    known = [one for one in versions if {key: one[key] for key in identity} == identity]
    if known:
        return dict(known[-1]) | {"unchanged": True}
    current = registry.coefficients(model, find(model).coefficients_path)
    if not versions and current.is_file() and Artefact.read(current).sha256 == identity["data"]:
        return {"version": spec.version, "unchanged": True, "reason": "the shipped version was fitted on these data"}
    cohort = prepare(spec, table)
    require_enough(cohort)
    frozen = freeze(cohort)
    training = cohort.take(~frozen)
    challenger = fit(spec, training, np.random.default_rng(spec.seed))
    entry = _challenge(spec, challenger, cohort.take(frozen).baseline(), current)
    number = f"{spec.version}.{len(versions) + 1}"
    entry = {"version": number, **identity, **entry, "fitted_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    _write(replace(spec, version=number), path, training, challenger, data)
    registry.add(model, entry)
    if not entry["promoted"]:
        _alert(model, entry)
    return entry


def freeze(cohort: Cohort) -> Array:
    """Who is never fitted on; with several exams a person, by their first."""
    firsts = np.arange(len(cohort))
    if cohort.person is not None:
        firsts = np.unique(cohort.person, return_index=True)[1][cohort.person]
    digests = [hashlib.sha256(row.tobytes()).digest()[0] for row in np.nan_to_num(cohort.x, nan=-1.0)]
    return np.asarray(np.array(digests)[firsts] % FROZEN == 0)


def _challenge(spec: FitSpec, challenger: Model, kept: Cohort, current: Path) -> dict[str, Any]:
    """Who is better on the frozen set, by C without worse calibration."""
    ours = measure(kept, predict(challenger, kept, spec.horizon), spec.horizon)
    entry: dict[str, Any] = {"frozen": {"n": len(kept), "challenger": _short(ours)}}
    if not current.is_file():
        return entry | {"promoted": True, "reason": "there was none before"}
    before = Artefact.read(current)
    if list(before.covariates.items()) != list(spec.covariates.items()):
        return entry | {"promoted": True, "reason": "the covariates are others"}
    theirs = measure(kept, predict(before.model, kept, before.horizon), before.horizon)
    entry["frozen"]["current"] = _short(theirs)
    better = ours["c_index"] > theirs["c_index"]
    calibrated = abs(ours["calibration_slope"] - 1) <= abs(theirs["calibration_slope"] - 1) + WORSE
    reason = (
        "better on the frozen set"
        if better and calibrated
        else ("worse calibration on the frozen set" if better else "not better on the frozen set")
    )
    return entry | {"promoted": better and calibrated, "reason": reason}


def _short(measured: dict[str, Any]) -> dict[str, float]:
    keys = ("c_index", "calibration_slope", "calibration_intercept", "ici", "brier")
    return {key: artefact.rounded(measured[key]) for key in keys}


def _write(spec: FitSpec, path: Path, cohort: Cohort, model: Model, data: Path) -> None:
    output = registry.folder(spec.model) / f"v{spec.version}"
    metrics = validate(spec, cohort, model=model)
    metrics["proportional_hazards"] = proportional_hazards(spec, cohort)
    document = artefact.document(spec, cohort, model, data)
    write_json(output / "coefficients.json", document)
    write_json(output / "metrics.json", metrics)
    card.write(output, path, spec, document, metrics)


def _alert(model: str, entry: dict[str, Any]) -> None:
    """One line where alerts are: `make logs` follows it."""
    line = f"{entry['fitted_at']} ALERT {model} v{entry['version']} was fitted but not promoted: {entry['reason']}"
    settings().logs.mkdir(parents=True, exist_ok=True)
    with (settings().logs / "alerts.log").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.refit", description="fit a survival model again")
    parser.add_argument("model", help="a survival model of `python -m models.list`")
    parser.add_argument("--data", type=Path, help="CSV, plain or gzip; default: what the spec names")
    arguments = parser.parse_args()
    spec = find(arguments.model)
    if spec.kind != "survival":
        raise WellhouseError(f"{spec.model} is an equation: it is not fitted")
    entry = refit(spec.model, arguments.data)
    state = "unchanged" if entry.get("unchanged") else ("promoted" if entry["promoted"] else "kept, not promoted")
    print(json.dumps({"model": spec.model, "version": entry["version"], "state": state, "reason": entry["reason"]}))


if __name__ == "__main__":
    run(main)
