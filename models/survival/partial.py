"""Cox's partial likelihood by Newton's method: Efron's ties, ridge penalty, late entry, Fine-Gray risk sets.

lifelines fits the same model; here every risk-set sum is one cumulative sum, so that a bootstrap with imputation and a
cross-validated penalty takes minutes (docs/decisions/0011-own-cox-solver.md; equal to lifelines in
tests/unit/test_survival_partial.py).

Efron B. J Am Stat Assoc 1977;72:557-565. Fine JP, Gray RJ. J Am Stat Assoc 1999;94:496-509: somebody with a competing
event stays in the risk set, weighted by the probability of being still uncensored, G(t) / G(their time).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

STEPS, TOLERANCE, HALVINGS = 50, 1e-9, 30


def linear(x: Array, beta: Array) -> Array:
    """The linear predictor of each row of ``x``; rows that are alike get the very same number.

    A matrix product does not promise that: BLAS adds some rows up in another order than others, other ones on another
    processor, and people of equal risk would be told apart by a rounding.
    """
    return np.asarray((x * beta).sum(axis=1))


@dataclass(frozen=True)
class Solution:
    """``beta`` and the inverse of the (penalised) information, both on the covariates' own scale."""

    beta: Array
    variance: Array
    likelihood: float


class Risk:
    """Who is at risk when: sums over the risk set at every event, for any weights."""

    def __init__(self, time: Array, event: Array, entry: Array | None = None, competing: Array | None = None) -> None:
        self.order = np.argsort(time, kind="stable")
        self.time, self.event = time[self.order], event[self.order]
        self.at = self.time[self.event]
        """The time of each event, rising."""
        self.first = np.searchsorted(self.time, self.at, side="left")
        moments, self.tie, size = np.unique(self.at, return_inverse=True, return_counts=True)
        self.starts = np.cumsum(size) - size
        self.share = (np.arange(len(self.at)) - self.starts[self.tie]) / size[self.tie]
        """Which part of the tied events each one leaves out of its risk set (Efron)."""
        self.moments = moments
        self.entry = None
        if entry is not None and (entry > 0).any():
            self.entry = np.argsort(entry, kind="stable")
            self.entered = entry[self.entry]
            self.late = np.searchsorted(self.entered, self.at, side="left")
            self.entry_time = entry[self.order]
        self.stays = None
        if competing is not None and competing.any():
            self.stays = np.flatnonzero(competing[self.order])
            free = _uncensored(self.time, self.event | competing[self.order])
            left_at, of_event = free(self.time[self.stays]), free(self.at)
            self.kept, self.still = 1 / left_at, of_event
            self.gone = np.searchsorted(self.time[self.stays], self.at, side="left")

    def sums(self, values: Array) -> Array:
        """The sum of ``values`` (rows in the order given) over the risk set of each event."""
        ordered = values[self.order]
        total = np.concatenate([np.cumsum(ordered[::-1], axis=0)[::-1], np.zeros_like(ordered[:1])])[self.first]
        if self.entry is not None:
            late = values[self.entry]
            total = total - np.concatenate([np.cumsum(late[::-1], axis=0)[::-1], np.zeros_like(late[:1])])[self.late]
        if self.stays is not None:
            weight = self.kept if ordered.ndim == 1 else self.kept[:, None]
            still = self.still if ordered.ndim == 1 else self.still[:, None]
            kept = ordered[self.stays] * weight
            total = total + still * np.concatenate([np.zeros_like(kept[:1]), np.cumsum(kept, axis=0)])[self.gone]
        return np.asarray(total)

    def tied(self, values: Array) -> Array:
        """The sum of ``values`` over the events of the same moment, for each event."""
        own = values[self.order][self.event]
        return np.asarray(np.add.reduceat(own, self.starts, axis=0)[self.tie])

    def exposure(self, hazard: Array) -> Array:
        """How much of ``hazard`` (one entry an event) each person, in the order given, was under."""
        steps = np.concatenate([[0.0], np.cumsum(hazard)])
        felt = steps[np.searchsorted(self.at, self.time, side="right")]
        if self.entry is not None:
            felt = felt - steps[np.searchsorted(self.at, self.entry_time, side="right")]
        if self.stays is not None:
            later = np.concatenate([np.cumsum((hazard * self.still)[::-1])[::-1], [0.0]])
            felt[self.stays] += self.kept * later[np.searchsorted(self.at, self.time[self.stays], side="right")]
        back = np.empty_like(felt)
        back[self.order] = felt
        return back

    def of_events(self, values: Array) -> Array:
        """Everybody's value, in the order given: that of their event, else 0."""
        back = np.zeros(len(self.time))
        back[self.order[self.event]] = values
        return back


def _uncensored(time: Array, event: Array) -> Any:
    """G(t-): the Kaplan-Meier probability of being uncensored just before t."""
    moments, which = np.unique(time, return_inverse=True)
    count, events = np.bincount(which), np.bincount(which, weights=event)
    at_risk = len(time) - np.concatenate([[0], np.cumsum(count)[:-1]]) - events
    steps = np.concatenate([[1.0], np.cumprod(1 - (count - events) / np.maximum(at_risk, 1))])
    floor = steps[steps > 0].min()
    return lambda t: np.maximum(steps[np.searchsorted(moments, t, side="left")], floor)


def solve(risk: Risk, x: Array, penalty: float = 0.0, start: Array | None = None) -> Solution:
    """Maximise the log partial likelihood less ``penalty`` / 2 * the sum of squared standardised coefficients.

    :param x: one row a person in the order of ``risk``, one column a covariate
    :raises WellhouseError: nobody had the event, a covariate does not vary, or it does not converge.
    """
    if not len(risk.at):
        raise WellhouseError("nobody had the event")
    mean, spread = x.mean(axis=0), x.std(axis=0)
    if (spread == 0).any():
        raise WellhouseError(f"covariate {int(np.flatnonzero(spread == 0)[0]) + 1} is the same for everybody")
    z = (x - mean) / spread
    ridge = penalty * np.ones(x.shape[1])
    beta = np.zeros(x.shape[1]) if start is None else start * spread
    own = z[risk.order][risk.event].sum(axis=0)
    best = _likelihood(risk, z, beta) - 0.5 * (ridge * beta**2).sum()
    for _ in range(STEPS):
        gradient, information = _derivatives(risk, z, beta, own)
        gradient, information = gradient - ridge * beta, information + np.diag(ridge)
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            raise WellhouseError(UNSTABLE) from None
        for _ in range(HALVINGS):
            value = _likelihood(risk, z, beta + step) - 0.5 * (ridge * (beta + step) ** 2).sum()
            if value >= best - 1e-9 * abs(best):
                break
            step = step / 2
        beta, gain, best = beta + step, value - best, value
        if not np.isfinite(beta).all() or np.abs(beta).max() > 50:
            raise WellhouseError(UNSTABLE)
        if np.abs(gain) < TOLERANCE * (1 + abs(best)) and np.abs(step).max() < 1e-6:
            break
    else:
        raise WellhouseError(UNSTABLE)
    _, information = _derivatives(risk, z, beta, own)
    inverse = _inverse(information + np.diag(ridge))
    return Solution(beta / spread, inverse / np.outer(spread, spread), _likelihood(risk, z, beta))


UNSTABLE = "the Cox regression does not converge: covariates may repeat one another"


def _inverse(information: Array) -> Array:
    values = np.linalg.eigvalsh(information)
    if values[0] <= 1e-10 * values[-1]:
        raise WellhouseError(UNSTABLE)
    return np.asarray(np.linalg.inv(information))


def _likelihood(risk: Risk, z: Array, beta: Array) -> float:
    score = np.clip(z @ beta, -500, 500)
    weight = np.exp(score)
    denominator = risk.sums(weight) - risk.share * risk.tied(weight)
    return float(score[risk.order][risk.event].sum() - np.log(denominator).sum())


def _derivatives(risk: Risk, z: Array, beta: Array, own: Array) -> tuple[Array, Array]:
    weight = np.exp(np.clip(z @ beta, -500, 500))
    weighted = weight[:, None] * z
    denominator = risk.sums(weight) - risk.share * risk.tied(weight)
    mean = (risk.sums(weighted) - risk.share[:, None] * risk.tied(weighted)) / denominator[:, None]
    # the sum over events of the sums over their risk sets, turned round: each person by the hazard they were under
    felt = risk.exposure(1 / denominator) - risk.of_events(risk.tied(risk.of_events(risk.share / denominator)))
    information = weighted.T @ (felt[:, None] * z) - mean.T @ mean
    return own - mean.sum(axis=0), information


def breslow(risk: Risk, score: Array) -> tuple[Array, Array]:
    """Moments of events and the cumulative baseline hazard from each on; ``score`` in the order of ``risk``."""
    weight = np.exp(score)
    size = np.bincount(risk.tie)
    last = np.cumsum(size) - 1
    return risk.moments, np.cumsum(size / risk.sums(weight)[last])
