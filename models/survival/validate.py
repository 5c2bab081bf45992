"""Out-of-sample predictions, by cross-validation or of a model fitted before, and the measures of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import trapezoid

from models.survival import metrics
from models.survival.artefact import Artefact, rounded
from models.survival.cohort import Cohort
from models.survival.cox import Cox, fit
from models.survival.spec import FitSpec

Array = np.ndarray[Any, np.dtype[Any]]

GRID = 50
"""Times up to the horizon over which the Brier score is integrated."""


@dataclass(frozen=True)
class Predictions:
    """``score`` ranks people; ``risk`` people × ``grid`` of times (the last is the horizon); ``expected`` hazard."""

    grid: Array
    score: Array
    risk: Array
    expected: Array
    """Predicted cumulative hazard up to each person's own time, at most the horizon."""


def predict(cox: Cox, cohort: Cohort, horizon: float) -> Predictions:
    """What the model says of people it may not have seen."""
    grid = np.linspace(0, horizon, GRID + 1)[1:]
    score = cox.score(cohort.x)
    relative = np.exp(score)
    risk = 1 - np.exp(-np.outer(relative, cox.baseline(grid)))
    return Predictions(grid, score, risk, relative * cox.baseline(np.minimum(cohort.time, horizon)))


def cross_validate(spec: FitSpec, cohort: Cohort) -> Predictions:
    """Every person predicted by a model fitted without them; imputation happens inside each training part."""
    rng = np.random.default_rng(spec.seed)
    folds = _folds(cohort.event, spec.folds, rng)
    parts = []
    for fold in range(spec.folds):
        model = fit(cohort.take(folds != fold), spec.imputations, rng)
        parts.append(predict(model, cohort.take(folds == fold), spec.horizon))
    back = np.argsort(np.concatenate([np.flatnonzero(folds == fold) for fold in range(spec.folds)]))
    together = {name: np.concatenate([getattr(p, name) for p in parts])[back] for name in ("score", "risk", "expected")}
    return Predictions(parts[0].grid, **together)


def _folds(event: Array, count: int, rng: np.random.Generator) -> Array:
    """A fold for each person, events spread evenly."""
    folds = np.empty(len(event), dtype=int)
    for stratum in (event, ~event):
        rows = rng.permutation(np.flatnonzero(stratum))
        folds[rows] = np.arange(len(rows)) % count
    return folds


def measure(cohort: Cohort, predictions: Predictions, horizon: float) -> dict[str, Any]:
    """The keys of ``wellhouse survival evaluate``, and more."""
    time, event, grid = cohort.time, cohort.event, predictions.grid
    risk = predictions.risk[:, -1]
    early = event & (time <= horizon)
    c, error = metrics.concordance(time, event, predictions.score)
    censoring = metrics.Censoring.of(time, event)
    scores = [metrics.brier(time, event, predictions.risk[:, i], t, censoring) for i, t in enumerate(grid)]
    smooth = metrics.smoothed_observed(time, event, risk, horizon)
    survival = metrics.kaplan_meier(time, event, horizon)
    null = metrics.brier(time, event, np.full(len(time), 1 - survival), horizon, censoring)
    values = {
        "c_index": c,
        "c_index_ci": [max(c - metrics.Z95 * error, 0.0), min(c + metrics.Z95 * error, 1.0)],
        "ibs": trapezoid([0.0, *scores], [0.0, *grid]) / horizon,
        "brier": scores[-1],
        "scaled_brier": 1 - scores[-1] / null,
        "calibration_slope": metrics.calibration_slope(time, event, risk, horizon),
        "calibration_intercept": metrics.calibration_intercept(early, predictions.expected),
        "observed_risk": 1 - survival,
        "predicted_risk": risk.mean(),
        "ici": np.abs(smooth - risk).mean(),
        "e50": np.quantile(np.abs(smooth - risk), 0.5),
        "e90": np.quantile(np.abs(smooth - risk), 0.9),
        "auc_t": metrics.auc(time, event, risk, horizon, censoring),
    }
    measured = {
        key: [rounded(v) for v in value] if isinstance(value, list) else rounded(value) for key, value in values.items()
    }
    return {
        "n": len(cohort),
        "events": int(event.sum()),
        "events_by_horizon": int(early.sum()),
        "horizon": horizon,
    } | measured


def validate(spec: FitSpec, cohort: Cohort, artefact: Artefact | None = None) -> dict[str, Any]:
    """Measures by cross-validation, or of ``artefact`` on people it was not fitted on."""
    if artefact is None:
        how = {"validation": f"{spec.folds}-fold cross-validation", "seed": spec.seed}
        return measure(cohort, cross_validate(spec, cohort), spec.horizon) | how
    predictions = predict(artefact.cox, cohort, artefact.horizon)
    return measure(cohort, predictions, artefact.horizon) | {"validation": "of coefficients fitted before"}
