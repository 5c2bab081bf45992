"""A fitted model as JSON: numbers a person can read and check, never a pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from models.command import UsageError
from models.expressions import evaluate
from models.survival.cohort import Cohort
from models.survival.cox import Cox
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

DIGITS = 10
"""Significant digits kept: the same data and seed then give the same file on every machine."""
STEPS = 100
"""Times, evenly spaced up to the horizon, at which the baseline is kept."""


@dataclass(frozen=True)
class Artefact:
    """The model, the horizon of its risk, and what its covariates are over the inputs."""

    cox: Cox
    horizon: float
    covariates: Mapping[str, str]

    def risk(self, inputs: Mapping[str, Array]) -> Array:
        """Probability of the event within the horizon, for complete inputs named as in ``spec.yml``."""
        rows = len(next(iter(inputs.values())))
        x = np.column_stack([evaluate(self.covariates[name], inputs, rows) for name in self.cox.names])
        hazard = self.cox.baseline(np.array([self.horizon]))
        return np.asarray(1 - np.exp(-hazard * np.exp((x - self.cox.mean) @ self.cox.beta)))

    @staticmethod
    def read(path: Path) -> Artefact:
        """
        :raises UsageError: there is no such file.
        :raises WellhouseError: it is not the coefficients of a survival model.
        """
        if not path.is_file():
            raise UsageError(f"no such file: {path}")
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            covariates, baseline = document["covariates"], document["baseline"]
            names = tuple(covariates)
            column = {key: np.array([covariates[n][key] for n in names]) for key in ("beta", "standard_error", "mean")}
            cox = Cox(
                names, column["beta"], column["standard_error"], column["mean"], np.array(document["covariance"]),
                np.array(baseline["time"]), -np.log(np.array(baseline["survival"])),
            )  # fmt: skip
            return Artefact(cox, float(document["horizon"]), {n: covariates[n]["expression"] for n in names})
        except (KeyError, TypeError, ValueError):
            raise WellhouseError(f"{path}: not the coefficients of a survival model") from None


def document(spec: FitSpec, cohort: Cohort, cox: Cox, data: Path) -> dict[str, Any]:
    """What is written: coefficients, baseline, and where they come from."""
    times = np.linspace(0, spec.horizon, STEPS + 1)[1:]
    survival = np.exp(-cox.baseline(times))
    return {
        "model": spec.model,
        "version": spec.version,
        "kind": "survival",
        "horizon": spec.horizon,
        "time_unit": spec.time_unit,
        "n": len(cohort),
        "events": int(cohort.event.sum()),
        "flow": cohort.flow,
        "missing": _handling(spec, cohort),
        "covariates": {
            name: {
                "expression": spec.covariates[name],
                "beta": rounded(cox.beta[i]),
                "standard_error": rounded(cox.error[i]),
                "mean": rounded(cox.mean[i]),
            }
            for i, name in enumerate(cox.names)
        },
        "covariance": [[rounded(v) for v in row] for row in cox.covariance],
        "baseline": {"time": [rounded(t) for t in times], "survival": [rounded(s) for s in survival]},
        "baseline_survival_at_horizon": rounded(survival[-1]),
        "ties": "efron",
        "seed": spec.seed,
        "data": {"file": data.name, "sha256": hashlib.sha256(data.read_bytes()).hexdigest()},
        "code": {name: version(name) for name in ("wellhouse", "lifelines")},
    }


def _handling(spec: FitSpec, cohort: Cohort) -> dict[str, Any]:
    counts = {name: int(n) for name, n in zip(cohort.names, np.isnan(cohort.x).sum(axis=0), strict=True) if n}
    if spec.missing == "complete_case":
        return {"method": "complete_case", "left_out": cohort.flow["covariate_missing"]}
    return {"method": "multiple_imputation", "imputations": spec.imputations, "missing_values": counts}


def rounded(value: float) -> float:
    """To ``DIGITS`` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def write_json(path: Path, content: Any) -> None:
    """Complete or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise WellhouseError(f"{path}: {error.strerror}") from None
