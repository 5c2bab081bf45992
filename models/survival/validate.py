"""How good a model is: of its own people by bootstrap or cross-validation, of others as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.integrate import trapezoid

from models.survival import metrics
from models.survival.artefact import Artefact, rounded
from models.survival.cohort import Cohort
from models.survival.model import Model, fit
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

GRID = 50
"""Times up to the horizon over which the Brier score is integrated."""
FEWEST = 10
"""A subgroup with fewer events by the horizon is counted, not judged."""
CURVE = 20
"""Points of the calibration curve that are kept."""
CORRECTED = ("c_index", "auc_t", "ibs", "brier", "scaled_brier", "calibration_slope", "calibration_intercept", "ici",
             "e50", "e90")  # fmt: skip


@dataclass(frozen=True)
class Predictions:
    """``score`` ranks people; ``risk`` people × ``grid`` of times (the last is the horizon); ``expected`` hazard."""

    grid: Array
    score: Array
    risk: Array
    expected: Array
    """Predicted cumulative hazard up to each person's own time, at most the horizon."""


def predict(model: Model, cohort: Cohort, horizon: float) -> Predictions:
    """What the model says of people it may not have seen."""
    grid = np.linspace(0, horizon, GRID + 1)[1:]
    until = np.minimum(cohort.time, horizon)
    return Predictions(grid, model.score(cohort.x), model.risk(cohort.x, grid), model.expected(cohort.x, until))


def cross_validate(spec: FitSpec, cohort: Cohort) -> Predictions:
    """Every person predicted by a model fitted without them; imputation happens inside each training part."""
    rng = np.random.default_rng(spec.seed)
    judged = cohort.baseline()
    folds = _folds(judged.event, spec.folds, rng)
    of_entry = folds if cohort.person is None else folds[np.unique(cohort.person, return_inverse=True)[1]]
    parts = []
    for fold in range(spec.folds):
        model = fit(spec, cohort.take(of_entry != fold), rng)
        parts.append(predict(model, judged.take(folds == fold), spec.horizon))
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
    time, event, other = cohort.time, cohort.event, cohort.competing
    risk = predictions.risk[:, -1]
    early = event & (time <= horizon)
    if not early.any():
        raise WellhouseError("nobody had the event by the horizon")
    # whom the competing event took will never have this one
    c, error = metrics.concordance(time if other is None else np.where(other, np.inf, time), event, predictions.score)
    smooth = metrics.smoothed_observed(time, event, risk, horizon, other)
    apart = np.abs(smooth - risk)
    censoring = metrics.Censoring.of(time, event if other is None else event | other)
    scores = [
        metrics.brier(time, event, predictions.risk[:, i], t, censoring, other) for i, t in enumerate(predictions.grid)
    ]
    observed = metrics.observed_risk(time, event, horizon, other)
    null = metrics.brier(time, event, np.full(len(time), observed), horizon, censoring, other)
    # with a competing event the hazard until one's own time is no expectation: the mean risk is
    expected = predictions.expected if other is None else np.full(1, risk.mean() / observed * early.sum())
    return {
        "c_index": c,
        "c_index_ci": [max(c - metrics.Z95 * error, 0.0), min(c + metrics.Z95 * error, 1.0)],
        "ibs": float(trapezoid([0.0, *scores], [0.0, *predictions.grid]) / horizon),
        "brier": scores[-1],
        "scaled_brier": 1 - scores[-1] / null,
        "calibration_slope": metrics.calibration_slope(time, event, risk, horizon, other),
        "calibration_intercept": metrics.calibration_intercept(early, expected),
        "observed_risk": observed,
        "predicted_risk": float(risk.mean()),
        "ici": float(apart.mean()),
        "e50": float(np.quantile(apart, 0.5)),
        "e90": float(np.quantile(apart, 0.9)),
        "auc_t": metrics.auc(time, event, risk, horizon, censoring, other),
    }


def describe(spec: FitSpec, cohort: Cohort, predictions: Predictions, horizon: float) -> dict[str, Any]:
    """What is shown once: the calibration curve, the decision curve, the groups, the follow-up."""
    time, event, other, risk = cohort.time, cohort.event, cohort.competing, predictions.risk[:, -1]
    smooth = metrics.smoothed_observed(time, event, risk, horizon, other)
    places = np.quantile(np.arange(len(risk)), np.linspace(0, 1, CURVE)).astype(int)
    order = np.argsort(risk, kind="stable")[places]
    benefit = [(t, *metrics.net_benefit(time, event, risk, horizon, t, other)) for t in spec.thresholds]
    ended = event if other is None else event | other
    return {
        "calibration_curve": [{"predicted": rounded(risk[i]), "observed": rounded(smooth[i])} for i in order],
        "decision_curve": [
            {"threshold": t, "net_benefit": rounded(ours), "treat_all": rounded(everybody), "treat_none": 0.0}
            for t, ours, everybody in benefit
        ],
        "subgroups": _subgroups(cohort, predictions, horizon),
        "follow_up_median": rounded(_median_follow_up(time, ended)),
    }


def _median_follow_up(time: Array, ended: Array) -> float:
    """By the reverse Kaplan-Meier method: how long people would have been followed without the event."""
    moments = np.unique(time)
    left = [metrics.kaplan_meier(time, ~ended, t) for t in np.quantile(moments, np.linspace(0, 1, 201))]
    below = [t for t, s in zip(np.quantile(moments, np.linspace(0, 1, 201)), left, strict=True) if s <= 0.5]
    return float(below[0] if below else time.max())


def _subgroups(cohort: Cohort, predictions: Predictions, horizon: float) -> list[dict[str, Any]]:
    found = []
    for name, labels in cohort.groups.items():
        for label in sorted(set(labels) - {""}):
            rows = np.flatnonzero(labels == label)
            some = cohort.take(rows)
            early = int((some.event & (some.time <= horizon)).sum())
            line: dict[str, Any] = {"group": name, "value": label, "n": len(rows), "events_by_horizon": early}
            if early >= FEWEST:
                part = replace(
                    predictions,
                    score=predictions.score[rows], risk=predictions.risk[rows], expected=predictions.expected[rows],
                )  # fmt: skip
                try:
                    whole = measure(some, part, horizon)
                except WellhouseError:
                    whole = {}
                keys = ("c_index", "c_index_ci", "calibration_slope", "calibration_intercept", "observed_risk",
                        "predicted_risk")  # fmt: skip
                line |= tidy({key: whole[key] for key in keys if key in whole})
            found.append(line)
    return found


def tidy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Rounded, so that the same data and seed give the same file on every machine."""
    return {
        key: [rounded(v) for v in value] if isinstance(value, list) else rounded(value) for key, value in values.items()
    }


def validate(
    spec: FitSpec, cohort: Cohort, artefact: Artefact | None = None, model: Model | None = None
) -> dict[str, Any]:
    """Measures of ``artefact`` on people it was not fitted on, else of the spec on its own people.

    :param model: what was fitted on all of ``cohort``; fitted here when it is not given
    """
    judged = cohort.baseline()
    if artefact is not None:
        horizon, predictions = artefact.horizon, predict(artefact.model, judged, artefact.horizon)
        values: dict[str, Any] = tidy(measure(judged, predictions, horizon))
        values["validation"] = "of coefficients fitted before"
    elif spec.bootstrap:
        horizon = spec.horizon
        model = model or fit(spec, cohort, np.random.default_rng(spec.seed))
        predictions = predict(model, judged, horizon)
        values = bootstrap(spec, cohort, measure(judged, predictions, horizon))
    else:
        horizon, predictions = spec.horizon, cross_validate(spec, cohort)
        values = tidy(measure(judged, predictions, horizon))
        values |= {"validation": f"{spec.folds}-fold cross-validation", "seed": spec.seed}
    count = {
        "n": len(judged),
        "events": int(judged.event.sum()),
        "events_by_horizon": int((judged.event & (judged.time <= horizon)).sum()),
        "horizon": horizon,
    }
    if judged.competing is not None:
        count["competing_events"] = int(judged.competing.sum())
    return count | values | describe(spec, judged, predictions, horizon)


def bootstrap(spec: FitSpec, cohort: Cohort, apparent: Mapping[str, Any]) -> dict[str, Any]:
    """Harrell's optimism: everything, imputation and choices too, is done again on every resample.

    Harrell FE, Lee KL, Mark DB. Stat Med 1996;15:361-387; interval: Noma H et al. Stat Med 2021;40:5691-5701, the
    apparent one moved by the optimism.
    """
    seeds = np.random.SeedSequence(spec.seed).spawn(spec.bootstrap)
    job = Resample(spec, cohort)
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 2)) as pool:
        found = [one for one in pool.map(job, seeds, chunksize=max(1, spec.bootstrap // 20)) if one is not None]
    if len(found) < spec.bootstrap / 2:
        raise WellhouseError("more than half of the resamples could not be fitted: too few events")
    optimism = {key: float(np.mean([one[key] for one in found])) for key in CORRECTED}
    values = dict(apparent) | {key: apparent[key] - optimism[key] for key in CORRECTED}
    # distances that a correction takes below 0 are none
    values |= {key: max(values[key], 0.0) for key in ("ici", "e50", "e90")}
    values["c_index_ci"] = [bound - optimism["c_index"] for bound in apparent["c_index_ci"]]
    return tidy(values) | {
        "c_index_apparent": rounded(apparent["c_index"]),
        "apparent": tidy({key: apparent[key] for key in CORRECTED}),
        "optimism": tidy(optimism),
        "validation": f"bootstrap, {len(found)} resamples, optimism-corrected",
        "seed": spec.seed,
    }


@dataclass(frozen=True)
class Resample:
    """Fit on a resample; how much better the model is there than on everybody."""

    spec: FitSpec
    cohort: Cohort

    def __call__(self, seed: np.random.SeedSequence) -> dict[str, float] | None:
        rng = np.random.default_rng(seed)
        drawn = self.cohort.draw(rng)
        horizon = self.spec.horizon
        try:
            model = fit(replace(self.spec, imputations=1), drawn, rng)
            there, here = (
                measure(some, predict(model, some, horizon), horizon)
                for some in (drawn.baseline(), self.cohort.baseline())
            )
        except WellhouseError:
            return None
        return {key: there[key] - here[key] for key in CORRECTED}
