"""How good predictions are: discrimination, overall accuracy, calibration.

Everywhere: ``time`` and boolean ``event`` of each person; ``risk`` = predicted probability of the event by ``horizon``.
Censoring is weighed by the inverse of the Kaplan-Meier probability of being uncensored (IPCW).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.expressions import rcs
from models.survival.cox import breslow, regress

Array = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

Z95 = 1.959963984540054
CHUNK = 4_000_000


def concordance(time: Array, event: Mask, score: Array) -> tuple[float, float]:
    """Harrell's C and its standard error (infinitesimal jackknife, as R's ``survival::concordance``).

    :param score: higher means the event comes sooner
    """
    n = len(time)
    pairs, good = np.zeros(n), np.zeros(n)
    happened = np.flatnonzero(event)
    size = max(1, CHUNK // n)
    for start in range(0, len(happened), size):
        i = happened[start : start + size]
        outlived = (time > time[i, None]) | ((time == time[i, None]) & ~event)
        right = outlived * ((score[i, None] > score) + 0.5 * (score[i, None] == score))
        np.add.at(pairs, i, outlived.sum(axis=1))
        np.add.at(good, i, right.sum(axis=1))
        pairs += outlived.sum(axis=0)
        good += right.sum(axis=0)
    total = pairs.sum() / 2
    if not total:
        return float("nan"), float("nan")
    c = good.sum() / 2 / total
    return float(c), float(np.sqrt((((good - c * pairs) / total) ** 2).sum()))


def kaplan_meier(time: Array, event: Mask, at: float) -> float:
    """The probability of being free of the event after ``at``."""
    moments, which = np.unique(time, return_inverse=True)
    at_risk = len(time) - np.concatenate([[0], np.cumsum(np.bincount(which))[:-1]])
    steps = 1 - np.bincount(which, weights=event) / at_risk
    return float(np.prod(steps[moments <= at]))


@dataclass(frozen=True)
class Censoring:
    """P(still uncensored just before t); events come before censorings of the same time."""

    moments: Array
    survival: Array

    @staticmethod
    def of(time: Array, event: Mask) -> Censoring:
        moments, which = np.unique(time, return_inverse=True)
        count, events = np.bincount(which), np.bincount(which, weights=event)
        at_risk = len(time) - np.concatenate([[0], np.cumsum(count)[:-1]]) - events
        steps = 1 - (count - events) / np.maximum(at_risk, 1)
        return Censoring(moments, np.concatenate([[1.0], np.cumprod(steps)]))

    def before(self, t: Any) -> Any:
        return self.survival[np.searchsorted(self.moments, t, side="left")]


def brier(time: Array, event: Mask, risk: Array, at: float, censoring: Censoring) -> float:
    """IPCW Brier score at ``at`` (Graf E et al. Stat Med 1999;18:2529-2545)."""
    case = (time <= at) & event
    free = (time > at) | ((time == at) & ~event)
    weighted = case * (1 - risk) ** 2 / censoring.before(time) + free * risk**2 / censoring.before(at)
    return float(np.mean(weighted))


def auc(time: Array, event: Mask, risk: Array, at: float, censoring: Censoring) -> float:
    """Cumulative/dynamic AUC at ``at``, IPCW (Uno H et al. JASA 2007;102:527-537)."""
    case = (time <= at) & event
    free = np.sort(risk[(time > at) | ((time == at) & ~event)])
    if not case.any() or not len(free):
        return float("nan")
    weight = 1 / censoring.before(time[case])
    below = np.searchsorted(free, risk[case], "left") + np.searchsorted(free, risk[case], "right")
    return float((weight * below / 2).sum() / (weight.sum() * len(free)))


def calibration_slope(time: Array, event: Mask, risk: Array, horizon: float) -> float:
    """Coefficient of log(-log(1 - risk)) in a Cox regression up to ``horizon``; ideal 1."""
    early, happened = np.minimum(time, horizon), event & (time <= horizon)
    beta, _ = regress(early, happened, _log_log(risk)[:, None], ("risk",))
    return float(beta[0])


def calibration_intercept(event: Mask, expected: Array) -> float:
    """log(observed / expected events up to the horizon); ideal 0.

    The intercept of a Poisson regression with the predicted cumulative hazard as offset (Crowson CS, Atkinson EJ,
    Therneau TM. Stat Methods Med Res 2016;25:1692-1706).

    :param event: happened within the horizon
    :param expected: predicted cumulative hazard up to each person's own time, at most the horizon
    """
    return float(np.log(event.sum() / expected.sum()))


def smoothed_observed(time: Array, event: Mask, risk: Array, horizon: float) -> Array:
    """The observed risk at each predicted one, by a Cox regression on a restricted cubic spline of it.

    Austin PC, Harrell FE, van Klaveren D. Stat Med 2020;39:2714-2742.
    """
    early, happened, x = np.minimum(time, horizon), event & (time <= horizon), _log_log(risk)
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    terms = [x] if len(np.unique(knots)) < 3 else [x, rcs(x, 1, *knots)]
    design = np.column_stack(terms)
    beta, _ = regress(early, happened, design, tuple(f"term{i}" for i in range(len(terms))))
    score = (design - design.mean(axis=0)) @ beta
    _, hazard = breslow(early, happened, score)
    return np.asarray(1 - np.exp(-hazard[-1] * np.exp(score)))


def _log_log(risk: Array) -> Array:
    return np.asarray(np.log(-np.log1p(-np.clip(risk, 1e-9, 1 - 1e-9))))
