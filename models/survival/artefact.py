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
from models.survival.aft import Aft
from models.survival.cohort import Cohort
from models.survival.competing import CauseSpecific
from models.survival.cox import Cox
from models.survival.design import Design
from models.survival.model import Model
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

    model: Model
    horizon: float
    covariates: Mapping[str, str]
    sha256: str
    """Of the data it was fitted on."""

    def risk(self, inputs: Mapping[str, Array]) -> Array:
        """Probability of the event within the horizon, for complete inputs named as in ``spec.yml``."""
        rows = len(next(iter(inputs.values())))
        if not rows:
            return np.zeros(0)
        x = np.column_stack([evaluate(expression, inputs, rows) for expression in self.covariates.values()])
        return self.model.risk(x.astype(float), np.array([self.horizon]))[:, 0]

    @staticmethod
    def read(path: Path) -> Artefact:
        """
        :raises UsageError: there is no such file.
        :raises WellhouseError: it is not the coefficients of a survival model.
        """
        if not path.is_file():
            raise UsageError(f"no such file: {path}")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            covariates = {name: one["expression"] for name, one in content["covariates"].items()}
            return Artefact(_model(content), float(content["horizon"]), covariates, content["data"]["sha256"])
        except (KeyError, TypeError, ValueError):
            raise WellhouseError(f"{path}: not the coefficients of a survival model") from None


def _model(content: Mapping[str, Any]) -> Model:
    if "competing" in content:
        return CauseSpecific(_cox(content, content), _cox(content, content["competing"]))
    return _aft(content) if "intercept" in content else _cox(content, content)


def _plan(content: Mapping[str, Any], terms: Mapping[str, Any]) -> Design:
    return Design(tuple(content["covariates"]), {name: one["expression"] for name, one in terms.items()})


def _column(of: Mapping[str, Any], key: str) -> Array:
    return np.array([one[key] for one in of.values()], dtype=float)


def _cox(content: Mapping[str, Any], part: Mapping[str, Any]) -> Cox:
    terms, baseline = part["terms"], part["baseline"]
    return Cox(
        design=_plan(content, terms),
        beta=_column(terms, "beta"),
        error=_column(terms, "standard_error"),
        mean=_column(terms, "mean"),
        center=_column(content["covariates"], "mean"),
        covariance=np.array(content["covariance"], dtype=float),
        moments=np.array(baseline["time"], dtype=float),
        hazard=-np.log(np.array(baseline["survival"], dtype=float)),
        penalty=float(part["penalty"]),
        shrinkage=float(part.get("shrinkage", 1.0)),
    )


def _aft(content: Mapping[str, Any]) -> Aft:
    terms = content["terms"]
    return Aft(
        method=content["method"],
        design=_plan(content, terms),
        intercept=float(content["intercept"]),
        scale=float(content["scale"]),
        beta=_column(terms, "beta"),
        error=_column(terms, "standard_error"),
        mean=_column(terms, "mean"),
        center=_column(content["covariates"], "mean"),
        covariance=np.array(content["covariance"], dtype=float),
    )


def document(spec: FitSpec, cohort: Cohort, model: Model, data: Path) -> dict[str, Any]:
    """What is written: coefficients, baseline, and where they come from."""
    main = model.cause if isinstance(model, CauseSpecific) else model
    return {
        "model": spec.model,
        "version": spec.version,
        "kind": "survival",
        "method": spec.method,
        "horizon": spec.horizon,
        "time_unit": spec.time_unit,
        "n": len(cohort.baseline()),
        "events": int(cohort.event.sum()),
        "flow": cohort.flow,
        "missing": _handling(spec, cohort),
        "covariates": {
            name: {"expression": spec.covariates[name], "mean": rounded(main.center[i])}
            for i, name in enumerate(spec.covariates)
        },
        "covariance": [[rounded(v) for v in row] for row in main.covariance],
        **_numbers(spec, main),
        **({"competing": _numbers(spec, model.other)} if isinstance(model, CauseSpecific) else {}),
        "ties": "efron",
        "seed": spec.seed,
        "data": {"file": data.name, "sha256": digest(data)},
        "code": code(),
    }


def _numbers(spec: FitSpec, model: Cox | Aft) -> dict[str, Any]:
    terms = {
        name: {
            "expression": expression,
            "beta": rounded(model.beta[i]),
            "standard_error": rounded(model.error[i]),
            "mean": rounded(model.mean[i]),
        }
        for i, (name, expression) in enumerate(model.design.terms.items())
    }
    if isinstance(model, Aft):
        return {"terms": terms, "intercept": rounded(model.intercept), "scale": rounded(model.scale)}
    times = np.linspace(0, spec.horizon, STEPS + 1)[1:]
    survival = np.exp(-model.baseline(times))
    return {
        "terms": terms,
        "penalty": model.penalty,
        "shrinkage": rounded(model.shrinkage),
        "baseline": {"time": [rounded(t) for t in times], "survival": [rounded(s) for s in survival]},
        "baseline_survival_at_horizon": rounded(survival[-1]),
    }


def _handling(spec: FitSpec, cohort: Cohort) -> dict[str, Any]:
    counts = {name: int(n) for name, n in zip(cohort.names, np.isnan(cohort.x).sum(axis=0), strict=True) if n}
    if spec.missing == "complete_case":
        return {"method": "complete_case", "left_out": cohort.flow["covariate_missing"]}
    return {"method": "multiple_imputation", "imputations": spec.imputations, "missing_values": counts}


def code() -> dict[str, str]:
    """Versions of what computes."""
    return {name: version(name) for name in ("wellhouse", "lifelines", "numpy")}


def digest(data: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(data.read_bytes()).hexdigest()


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
