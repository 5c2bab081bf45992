"""``python -m models.evaluate SPEC --data F.csv --output DIR [--coefficients F.json]``: write ``metrics.json``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.command import run
from models.expressions import columns_of
from models.survival.artefact import Artefact, digest, write_json
from models.survival.cohort import prepare, require_enough
from models.survival.spec import FitSpec, load
from models.survival.validate import validate
from models.tables import read_csv, told_of
from wellhouse.errors import WellhouseError


def evaluate_file(path: Path, data: Path, output: Path, coefficients: Path | None = None) -> dict[str, Any]:
    """Write and return ``metrics.json``.

    Validate what was fitted by the spec, as it is, on other people; without such, the spec on these people.
    """
    spec = load(path)
    table = read_csv(data)
    artefact = Artefact.read(coefficients) if coefficients else _fitted(spec, path, data, output)
    if artefact and dict(artefact.covariates) != dict(spec.covariates):
        raise WellhouseError(f"{coefficients or path}: the fitted covariates are not those of the spec")
    absent = _absent(spec, table) if artefact else []
    with told_of(data):
        cohort = prepare(spec, table.assign(**dict.fromkeys(absent, np.nan)))
        if artefact is None:
            require_enough(cohort)
        metrics = validate(spec, cohort, artefact)
    metrics["absent_columns"] = absent
    write_json(output / "metrics.json", metrics)
    return metrics


def _absent(spec: FitSpec, table: pd.DataFrame) -> list[str]:
    """Columns of covariates that these data do not have: missing for everybody, told in ``metrics.json``.

    Who is in, how long and what happened must be there: those columns are not looked at here.
    """
    used = (*spec.covariates.values(), *spec.transforms.values(), *spec.subgroups.values())
    needed = {spec.duration, spec.event, spec.filter or "1", spec.competing or "1", spec.entry or "1"}
    known = {*map(str, table.columns), *spec.transforms}
    wanted, given = (set().union(*(columns_of(one, known) for one in some)) for some in (used, needed))
    return sorted(wanted - given - known)


def _fitted(spec: FitSpec, path: Path, data: Path, output: Path) -> Artefact | None:
    """Coefficients of this spec in the output folder, or beside the spec, unless these very data made them."""
    name = Path("coefficients") / f"v{spec.version}.json"
    beside = path.parent / name if path.name == "spec.yml" else None
    for place in (output / name, beside):
        if place is not None and place.is_file():
            found = Artefact.read(place)
            if dict(found.covariates) == dict(spec.covariates):
                return None if found.sha256 == digest(data) else found
    return None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description="evaluate a survival model")
    parser.add_argument("spec", type=Path, help="a spec.yml with a `fit` part, or a YAML file of such keys")
    parser.add_argument("--data", type=Path, required=True, help="CSV, plain or gzip")
    parser.add_argument("--output", type=Path, required=True, help="folder to write metrics.json into")
    parser.add_argument("--coefficients", type=Path, help="validate these; default: what was fitted by the spec before")
    parser.add_argument("--json", action="store_true", help="print metrics.json too")
    arguments = parser.parse_args()
    metrics = evaluate_file(arguments.spec, arguments.data, arguments.output, arguments.coefficients)
    if arguments.json:
        print(json.dumps(metrics))


if __name__ == "__main__":
    run(main)
