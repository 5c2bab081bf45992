"""``python -m models.fit SPEC [--data F.csv] [--output DIR]``: fit a survival model, judge it by cross-validation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from models.command import UsageError, run
from models.survival import artefact
from models.survival.cohort import Cohort, prepare, require_enough
from models.survival.cox import Cox, fit
from models.survival.metrics import concordance
from models.survival.spec import FitSpec, load
from models.survival.validate import validate
from models.tables import read_csv
from wellhouse.settings import settings


def fit_file(path: Path, data: Path | None, output: Path | None) -> dict[str, Any]:
    """Write ``coefficients/v<N>.json`` and ``metrics.json`` into ``output`` and return the metrics."""
    spec = load(path)
    data = data or _data(spec, path)
    cohort = prepare(spec, read_csv(data))
    require_enough(cohort)
    cox = fit(cohort, spec.imputations, np.random.default_rng(spec.seed))
    metrics = validate(spec, cohort)
    metrics["c_index_apparent"] = artefact.rounded(apparent(cohort, cox))
    output = output or path.parent
    artefact.write_json(output / "coefficients" / f"v{spec.version}.json", artefact.document(spec, cohort, cox, data))
    artefact.write_json(output / "metrics.json", metrics)
    return metrics


def apparent(cohort: Cohort, cox: Cox) -> float:
    """Harrell's C on the very people of the fit: what papers often print; optimistic."""
    return concordance(cohort.time, cohort.event, cox.score(cohort.x))[0]


def _data(spec: FitSpec, path: Path) -> Path:
    if not spec.data:
        raise UsageError(f"{path} names no data: give --data")
    return (settings().root / spec.data).resolve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.fit", description="fit a survival model")
    parser.add_argument("spec", type=Path, help="a spec.yml with a `fit` part, or a YAML file of such keys")
    parser.add_argument("--data", type=Path, help="CSV, plain or gzip; default: what the spec names")
    parser.add_argument("--output", type=Path, help="folder to write into; default: the spec's")
    arguments = parser.parse_args()
    metrics = fit_file(arguments.spec, arguments.data, arguments.output)
    low, high = metrics["c_index_ci"]
    print(f"n {metrics['n']}, events {metrics['events']}, C {metrics['c_index']:.3f} ({low:.3f}-{high:.3f})")


if __name__ == "__main__":
    run(main)
