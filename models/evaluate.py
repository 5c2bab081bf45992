"""``python -m models.evaluate SPEC --data F.csv --output DIR [--coefficients F.json]``: write ``metrics.json``."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.command import run
from models.survival.artefact import Artefact, write_json
from models.survival.cohort import prepare, require_enough
from models.survival.spec import load
from models.survival.validate import validate
from models.tables import read_csv
from wellhouse.errors import WellhouseError


def evaluate_file(path: Path, data: Path, output: Path, coefficients: Path | None = None) -> None:
    """Cross-validate the spec on the data, or validate coefficients fitted before on these other people."""
    spec = load(path)
    artefact = Artefact.read(coefficients) if coefficients else None
    if artefact and dict(artefact.covariates) != dict(spec.covariates):
        raise WellhouseError(f"{coefficients}: the covariates are not those of {path}")
    cohort = prepare(spec, read_csv(data))
    if artefact is None:
        require_enough(cohort)
    write_json(output / "metrics.json", validate(spec, cohort, artefact))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description="evaluate a survival model")
    parser.add_argument("spec", type=Path, help="a spec.yml with a `fit` part, or a YAML file of such keys")
    parser.add_argument("--data", type=Path, required=True, help="CSV, plain or gzip")
    parser.add_argument("--output", type=Path, required=True, help="folder to write metrics.json into")
    parser.add_argument("--coefficients", type=Path, help="validate these instead of cross-validating")
    arguments = parser.parse_args()
    evaluate_file(arguments.spec, arguments.data, arguments.output, arguments.coefficients)


if __name__ == "__main__":
    run(main)
