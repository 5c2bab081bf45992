"""``python -m models.fit SPEC --output DIR [--data F.csv]``: fit a survival model and judge it by resampling."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from models.command import UsageError, run
from models.survival import artefact, card
from models.survival.checks import proportional_hazards
from models.survival.cohort import Cohort, prepare, require_enough
from models.survival.metrics import concordance
from models.survival.model import Model, fit
from models.survival.spec import FitSpec, load
from models.survival.validate import validate
from models.tables import read_csv, told_of
from wellhouse.settings import settings


def fit_file(path: Path, data: Path | None, output: Path) -> dict[str, Any]:
    """Write ``coefficients/v<N>.json``, ``metrics.json`` and the card into ``output``; return the metrics."""
    spec = load(path)
    data = data or _data(spec, path)
    table = read_csv(data)
    with told_of(data):
        cohort = prepare(spec, table)
        require_enough(cohort)
    model = fit(spec, cohort, np.random.default_rng(spec.seed))
    metrics = validate(spec, cohort, model=model)
    metrics["c_index_apparent"] = artefact.rounded(apparent(cohort, model))
    metrics["proportional_hazards"] = proportional_hazards(spec, cohort)
    document = artefact.document(spec, cohort, model, data)
    artefact.write_json(output / "coefficients" / f"v{spec.version}.json", document)
    artefact.write_json(output / "metrics.json", metrics)
    card.write(output, path, spec, document, metrics)
    return metrics


def apparent(cohort: Cohort, model: Model) -> float:
    """Harrell's C on the very people of the fit: what papers often print; optimistic."""
    judged = cohort.baseline()
    time = judged.time if judged.competing is None else np.where(judged.competing, np.inf, judged.time)
    return concordance(time, judged.event, model.score(judged.x))[0]


def _data(spec: FitSpec, path: Path) -> Path:
    if not spec.data:
        raise UsageError(f"{path} names no data: give --data")
    return (settings().root / spec.data).resolve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.fit", description="fit a survival model")
    parser.add_argument("spec", type=Path, help="a spec.yml with a `fit` part, or a YAML file of such keys")
    parser.add_argument("--data", type=Path, help="CSV, plain or gzip; default: what the spec names")
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--json", action="store_true", help="print metrics.json")
    arguments = parser.parse_args()
    metrics = fit_file(arguments.spec, arguments.data, arguments.output)
    if arguments.json:
        print(json.dumps(metrics))
        return
    low, high = metrics["c_index_ci"]
    print(f"n {metrics['n']}, events {metrics['events']}, C {metrics['c_index']:.3f} ({low:.3f}-{high:.3f})")


if __name__ == "__main__":
    run(main)
