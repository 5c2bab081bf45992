"""How good predictions are: discrimination, overall accuracy, calibration.

Everywhere: ``time`` and boolean ``event`` of each person; ``risk`` = predicted probability of the event by ``horizon``.
Censoring is weighed by the inverse of the Kaplan-Meier probability of being uncensored (IPCW).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.expressions import rcs
from models.survival.competing import aalen_johansen
from models.survival.partial import Risk, breslow, solve

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


def brier(
    time: Array, event: Mask, risk: Array, at: float, censoring: Censoring, competing: Mask | None = None
) -> float:
    """IPCW Brier score at ``at`` (Graf E et al. Stat Med 1999;18:2529-2545); a competing event is no event."""
    case, spared, free = _fates(time, event, at, competing)
    known = (case * (1 - risk) ** 2 + spared * risk**2) / censoring.before(time)
    return float(np.mean(known + free * risk**2 / censoring.before(at)))


def _fates(time: Array, event: Mask, at: float, competing: Mask | None) -> tuple[Mask, Mask, Mask]:
    """Who had the event by ``at``, who had the competing one, who is known to be free of both."""
    case = (time <= at) & event
    spared = np.zeros(len(time), dtype=bool) if competing is None else (time <= at) & competing
    return case, spared, ((time > at) | ((time == at) & ~event)) & ~spared


def auc(time: Array, event: Mask, risk: Array, at: float, censoring: Censoring, competing: Mask | None = None) -> float:
    """Cumulative/dynamic AUC at ``at``, IPCW (Uno H et al. JASA 2007;102; Blanche P et al. Stat Med 2013;32)."""
    case, spared, free = _fates(time, event, at, competing)
    others = spared | free
    if not case.any() or not others.any():
        return float("nan")
    weight = 1 / np.where(free, censoring.before(at), censoring.before(time))
    order = np.argsort(risk[others], kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weight[others][order])])
    sorted_risk = risk[others][order]
    less = below[np.searchsorted(sorted_risk, risk[case], "left")]
    equal = below[np.searchsorted(sorted_risk, risk[case], "right")]
    return float((weight[case] * (less + equal) / 2).sum() / (weight[case].sum() * below[-1]))


def calibration_slope(time: Array, event: Mask, risk: Array, horizon: float, competing: Mask | None = None) -> float:
    """Coefficient of log(-log(1 - risk)) in a regression up to ``horizon``; ideal 1.

    By Cox, or by Fine and Gray where another event competes.
    """
    return float(solve(_until(time, event, horizon, competing), _log_log(risk)[:, None]).beta[0])


def _until(time: Array, event: Mask, horizon: float, competing: Mask | None) -> Risk:
    early = time <= horizon
    return Risk(np.minimum(time, horizon), event & early, None, None if competing is None else competing & early)


def calibration_intercept(event: Mask, expected: Array) -> float:
    """log(observed / expected events up to the horizon); ideal 0.

    The intercept of a Poisson regression with the predicted cumulative hazard as offset (Crowson CS, Atkinson EJ,
    Therneau TM. Stat Methods Med Res 2016;25:1692-1706).

    :param event: happened within the horizon
    :param expected: predicted cumulative hazard up to each person's own time, at most the horizon
    """
    return float(np.log(event.sum() / expected.sum()))


def smoothed_observed(time: Array, event: Mask, risk: Array, horizon: float, competing: Mask | None = None) -> Array:
    """The observed risk at each predicted one, by a regression on a restricted cubic spline of it.

    Austin PC, Harrell FE, van Klaveren D. Stat Med 2020;39:2714-2742; with a competing event Austin PC, Putter H,
    Giardiello D, van Klaveren D. Diagn Progn Res 2022;6:2.
    """
    x = _log_log(risk)
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    design = np.column_stack([x] if len(np.unique(knots)) < 3 else [x, rcs(x, 1, *knots)])
    until = _until(time, event, horizon, competing)
    score = (design - design.mean(axis=0)) @ solve(until, design).beta
    _, hazard = breslow(until, score)
    return np.asarray(1 - np.exp(-hazard[-1] * np.exp(score)))


def observed_risk(time: Array, event: Mask, horizon: float, competing: Mask | None = None) -> float:
    """By Kaplan and Meier, or by Aalen and Johansen where another event competes."""
    if competing is None:
        return 1 - kaplan_meier(time, event, horizon)
    return aalen_johansen(time, event, competing, horizon)


def net_benefit(
    time: Array, event: Mask, risk: Array, horizon: float, threshold: float, competing: Mask | None = None
) -> tuple[float, float]:
    """Of treating those whose risk reaches ``threshold``, and of treating everybody; treating nobody is 0.

    Vickers AJ et al. BMC Med Inform Decis Mak 2008;8:53: true positives less false ones at the odds of the threshold,
    a share of everybody; the observed risk of those treated is estimated with censoring.
    """
    odds = threshold / (1 - threshold)
    treated = risk >= threshold
    share = float(treated.mean())
    everybody = observed_risk(time, event, horizon, competing)
    among = 0.0
    if treated.any():
        other = None if competing is None else competing[treated]
        among = observed_risk(time[treated], event[treated], horizon, other)
    return share * (among - (1 - among) * odds), everybody - (1 - everybody) * odds


def _log_log(risk: Array) -> Array:
    return np.asarray(np.log(-np.log1p(-np.clip(risk, 1e-9, 1 - 1e-9))))
