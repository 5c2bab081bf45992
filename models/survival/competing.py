"""Two events of which the first to come counts: cause-specific regressions make up the risk; what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.survival.cox import Cox

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class CauseSpecific:
    """F(t | x) = the sum over times up to t of S(u-) dH1(u | x), S by both hazards (Prentice RL et al. 1978)."""

    cause: Cox
    other: Cox

    def score(self, x: Array) -> Array:
        """Who comes first: the cause-specific linear predictor would rank those who die before too high."""
        return np.asarray(np.log(-np.log1p(-self.risk(x, self.cause.moments[-1:])[:, 0])))

    def risk(self, x: Array, at: Array) -> Array:
        """P(event by each time, the other not before), people × times."""
        moments = self.cause.moments[self.cause.moments <= at.max()]
        first, second = np.exp(self.cause.score(x)), np.exp(self.other.score(x))
        before = np.concatenate([[0.0], self.cause.hazard[: len(moments)]])
        rival = self.other.baseline(np.nextafter(moments, 0))
        risk = np.zeros((len(x), len(at)))
        total = np.zeros(len(x))
        place = np.searchsorted(moments, at, side="right")
        for i in range(len(moments)):
            free = np.exp(-first * before[i] - second * rival[i])
            total = total + free * -np.expm1(-first * (before[i + 1] - before[i]))
            risk[:, place == i + 1] = total[:, None]
        return risk

    def expected(self, x: Array, until: Array) -> Array:
        """The cumulative hazard of the event of each person up to their own time."""
        return self.cause.expected(x, until)


def aalen_johansen(time: Array, event: Array, competing: Array, at: float) -> float:
    """P(event by ``at``, the competing one not before), without covariates."""
    moments, which = np.unique(time, return_inverse=True)
    at_risk = len(time) - np.concatenate([[0], np.cumsum(np.bincount(which))[:-1]])
    ours, theirs = np.bincount(which, weights=event), np.bincount(which, weights=competing)
    free = np.concatenate([[1.0], np.cumprod(1 - (ours + theirs) / at_risk)[:-1]])
    return float((free * ours / at_risk)[moments <= at].sum())
