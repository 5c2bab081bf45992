"""Missing covariates: multiple imputation by chained equations to fit, the mean over what they may be to predict.

Fitting: predictive mean matching, five donors, with the event and the Nelson-Aalen cumulative hazard among the
predictors (White IR, Royston P. Stat Med 2009;28:1982-1998; White IR, Royston P, Wood AM. Stat Med 2011;30:377-399).
Predicting: nothing of a person's future may be used, so the hazard is averaged over the missing given the known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import qmc

from models.survival.cohort import Cohort

Array = np.ndarray[Any, np.dtype[np.float64]]

CYCLES = 10
DONORS = 5
POINTS = 64
"""At which the mean over missing values is taken."""
GRAIN = 1e-6
"""Of the residual's spread: predictions that differ by less are equal."""


def impute(cohort: Cohort, count: int, rng: np.random.Generator) -> list[Array]:
    """``count`` completed copies of ``cohort.x``; one suffices when nothing is missing."""
    if cohort.complete.all():
        return [cohort.x]
    outcome = np.column_stack([cohort.event.astype(float), nelson_aalen(cohort.time, cohort.event)])
    if cohort.competing is not None:
        outcome = np.column_stack([outcome, cohort.competing, nelson_aalen(cohort.time, cohort.competing)])
    return [_chain(cohort.x, outcome, rng) for _ in range(count)]


def nelson_aalen(time: Array, event: Array) -> Array:
    """The cumulative hazard of the whole group at each person's own time."""
    moments, which = np.unique(time, return_inverse=True)  # noqa: RUF059
    deaths = np.bincount(which, weights=event)
    at_risk = len(time) - np.concatenate([[0], np.cumsum(np.bincount(which))[:-1]])
    return np.asarray(np.cumsum(deaths / at_risk)[which])


def _chain(x: Array, outcome: Array, rng: np.random.Generator) -> Array:
    missing = np.isnan(x)
    filled = x.copy()
    columns = np.flatnonzero(missing.any(axis=0))
    for j in columns:
        filled[missing[:, j], j] = rng.choice(x[~missing[:, j], j], missing[:, j].sum())
    for _ in range(CYCLES):
        for j in columns:
            others = np.column_stack([np.ones(len(x)), np.delete(filled, j, axis=1), outcome])
            filled[missing[:, j], j] = _match(others, x[:, j], missing[:, j], rng)
    return filled


def _match(design: Array, y: Array, missing: Array, rng: np.random.Generator) -> Array:
    """Predictive mean matching: an observed value of one of the people whose predictions are nearest."""
    seen = design[~missing]
    estimate, _, rank, _ = np.linalg.lstsq(seen, y[~missing], rcond=None)
    residual = y[~missing] - seen @ estimate
    freedom = max(len(seen) - rank, 1)
    sigma = np.sqrt(residual @ residual / rng.chisquare(freedom))
    # a draw from the posterior of the coefficients, through the pseudo-inverse's symmetric square root: the signs of
    # singular vectors are each machine's own, and people who are alike must be alike in spite of the last digits
    _, s, vt = np.linalg.svd(seen, full_matrices=False)
    keep = s > s[0] * 1e-10
    drawn = estimate + sigma * (vt[keep].T / s[keep]) @ (vt[keep] @ rng.standard_normal(len(estimate)))
    grain = sigma * GRAIN
    predicted = np.rint(seen @ estimate / grain)
    order = np.argsort(predicted, kind="stable")
    place = np.searchsorted(predicted[order], np.rint(design[missing] @ drawn / grain))
    donors = min(DONORS, len(order))
    first = np.clip(place - donors // 2, 0, len(order) - donors)
    return np.asarray(y[~missing][order][first + rng.integers(0, donors, len(first))])


def expect(of: Callable[[Array], Array], x: Array, mean: Array, covariance: Array) -> Array:
    """log E[exp(of(x))] of each row, over its missing values given the known ones, under a normal model.

    The value at the mean would understate it, above all where ``of`` is curved: who has both a low and a high BMI at
    risk is not at the risk of a middling one.

    :param of: rows of complete covariates → a number each
    :param mean: of the covariates among those the model was fitted on
    :param covariance: likewise
    """
    holes = np.isnan(x).any(axis=1)
    found = np.empty(len(x))
    found[~holes] = of(x[~holes])
    if holes.any():
        whole = x[holes]
        parts = list(_conditional(whole, mean, covariance))
        each = []
        for point in range(POINTS):
            for places, middle, away in parts:
                whole[places] = middle + away[point]
            each.append(of(whole))
        found[holes] = logsumexp(each, axis=0) - np.log(POINTS)
    return found


def _conditional(x: Array, mean: Array, covariance: Array) -> Iterator[tuple[Any, Array, Array]]:
    """Of each pattern of what is missing: where, the mean given the known, and ``POINTS`` steps away from it."""
    patterns, which = np.unique(np.isnan(x), axis=0, return_inverse=True)
    for number, gone in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == number)
        slope = covariance[np.ix_(gone, ~gone)] @ np.linalg.pinv(covariance[np.ix_(~gone, ~gone)])
        values, vectors = np.linalg.eigh(covariance[np.ix_(gone, gone)] - slope @ covariance[np.ix_(~gone, gone)])
        # the symmetric root: the signs of eigenvectors are each machine's own
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        middle = mean[gone] + (x[np.ix_(rows, ~gone)] - mean[~gone]) @ slope.T
        yield np.ix_(rows, gone), middle, _normal(int(gone.sum())) @ root


@cache
def _normal(dimensions: int) -> Array:
    """Points spread like a standard normal distribution, with their mirror images: the mean is exact."""
    points = qmc.MultivariateNormalQMC(np.zeros(dimensions), rng=0).random(POINTS // 2)
    return np.concatenate([points, -points])
