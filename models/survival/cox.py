"""Regression of one event, pooled over imputations: Cox, or Fine and Gray's where another event competes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from models.survival.cohort import Cohort
from models.survival.design import Design, design
from models.survival.impute import expect, impute
from models.survival.partial import UNSTABLE, Risk, Solution, breslow, linear, solve
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

PENALTIES = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
PENALTY_FOLDS = 5
MOST = 1.5
"""Coefficients may be stretched, too, where the penalty took more than it should."""


@dataclass(frozen=True)
class Cox:
    """S(t | x) = exp(-H0(t) * exp(beta · (terms - mean))): H0 is a step function, at the terms' mean.

    Fitted by Fine and Gray's method, 1 - S is the probability of the event in the presence of the competing one.
    """

    design: Design
    beta: Array
    error: Array
    """Standard errors, by Rubin's rules when imputed."""
    mean: Array
    """Of the terms."""
    center: Array
    """Of the covariates."""
    covariance: Array
    """Of the covariates: what a missing one is expected to be."""
    moments: Array
    hazard: Array
    """Cumulative baseline hazard from each of ``moments`` on."""
    penalty: float = 0.0
    shrinkage: float = 1.0
    """What the coefficients were multiplied by, to hold in others than they were fitted on."""

    def score(self, x: Array) -> Array:
        """The linear predictor of each person: the log of their relative hazard, averaged over what is missing."""

        def hazard(whole: Array) -> Array:
            return linear(self.design.matrix(whole) - self.mean, self.beta)

        return expect(hazard, x, self.center, self.covariance)

    def baseline(self, at: Array) -> Array:
        """H0 at each time."""
        steps = np.concatenate([[0.0], self.hazard])
        return np.asarray(steps[np.searchsorted(self.moments, at, side="right")])

    def risk(self, x: Array, at: Array) -> Array:
        """P(event by each time), people × times."""
        return np.asarray(-np.expm1(-np.outer(np.exp(self.score(x)), self.baseline(at))))

    def expected(self, x: Array, until: Array) -> Array:
        """The cumulative hazard of each person up to their own time."""
        return np.asarray(np.exp(self.score(x)) * self.baseline(until))


def fit(
    spec: FitSpec, cohort: Cohort, rng: np.random.Generator, copies: list[Array] | None = None, other: bool = False
) -> Cox:
    """Fit on every imputation and pool (Rubin DB, 1987): means of coefficients, within + between variance.

    :param copies: completed covariates, where they are there already
    :param other: of the competing event instead (cause-specific)
    :raises WellhouseError: a covariate does not vary, or the fit does not converge.
    """
    copies = copies or impute(cohort, spec.imputations, rng)
    plan = design(spec, cohort.x)
    tables = [plan.matrix(x) for x in copies]
    _vary(plan, tables[0])
    risk = risk_of(spec, cohort, other)
    penalty, shrinkage = (
        choose(spec, cohort, tables[0], rng, other) if spec.penalty == "cv" else (float(spec.penalty), 1.0)
    )
    fits: list[Solution] = []
    for table in tables:
        fits.append(solve(risk, table, penalty, fits[-1].beta if fits else None))
    betas = np.array([one.beta for one in fits]) * shrinkage
    beta, mean = betas.mean(axis=0), np.mean([table.mean(axis=0) for table in tables], axis=0)
    within = np.mean([np.diag(one.variance) for one in fits], axis=0) * shrinkage**2
    between = betas.var(axis=0, ddof=1) if len(fits) > 1 else np.zeros_like(beta)
    steps = [breslow(risk, (table - mean) @ beta) for table in tables]
    stacked = np.vstack(copies)
    return Cox(
        design=plan,
        beta=beta,
        error=np.sqrt(within + (1 + 1 / len(fits)) * between),
        mean=mean,
        center=stacked.mean(axis=0),
        covariance=np.atleast_2d(np.cov(stacked, rowvar=False)),
        moments=steps[0][0],
        hazard=np.mean([hazard for _, hazard in steps], axis=0),
        penalty=penalty,
        shrinkage=shrinkage,
    )


def risk_of(spec: FitSpec, cohort: Cohort, other: bool = False) -> Risk:
    """The risk sets of the spec's method."""
    if other:
        assert cohort.competing is not None
        return Risk(cohort.time, cohort.competing, cohort.entry)
    stays = cohort.competing if spec.method == "fine_gray" else None
    return Risk(cohort.time, cohort.event, cohort.entry, stays)


def choose(
    spec: FitSpec, cohort: Cohort, table: Array, rng: np.random.Generator, other: bool = False
) -> tuple[float, float]:
    """The penalty, then the shrinkage of its coefficients, with the highest cross-validated partial likelihood.

    Verweij PJM, van Houwelingen HC. Stat Med 1993;12:2305-2314. A ridge chosen so leaves predictions too far apart
    where coefficients differ much; one factor for all of them mends it (van Houwelingen HC, Sauerbrei W. Open J Stat
    2013;3:79-102). Somebody drawn twice into a resample is on one side only.
    """
    people = next((one for one in (cohort.person, cohort.identity) if one is not None), np.arange(len(cohort)))
    folds = rng.integers(0, PENALTY_FOLDS, people.max() + 1)[people]
    whole = risk_of(spec, cohort, other)
    parts = [(rows, risk_of(spec, cohort.take(rows), other)) for rows in (folds != k for k in range(PENALTY_FOLDS))]
    found = {}
    for penalty in PENALTIES:
        try:
            found[penalty] = _without_each(parts, table, penalty)
        except WellhouseError:
            continue
    if not found:
        raise WellhouseError(UNSTABLE)

    def gain(penalty: float, shrinkage: float) -> float:
        betas = [beta * shrinkage for beta in found[penalty]]
        return sum(
            log_likelihood(whole, table, beta) - log_likelihood(part, table[rows], beta)
            for beta, (rows, part) in zip(betas, parts, strict=True)
        )

    best = max(found, key=lambda penalty: gain(penalty, 1.0))
    shrunk = minimize_scalar(lambda factor: -gain(best, factor), bounds=(0.0, MOST), method="bounded")
    return best, float(shrunk.x)


def _without_each(parts: list[tuple[Array, Risk]], table: Array, penalty: float) -> list[Array]:
    """The coefficients without each fold in turn."""
    betas: list[Array] = []
    for rows, part in parts:
        betas.append(solve(part, table[rows], penalty, betas[-1] if betas else None).beta)
    return betas


def log_likelihood(risk: Risk, table: Array, beta: Array) -> float:
    """The log partial likelihood of everybody under given coefficients."""
    score = (table - table.mean(axis=0)) @ beta
    weight = np.exp(np.clip(score, -500, 500))
    denominator = risk.sums(weight) - risk.share * risk.tied(weight)
    return float(score[risk.order][risk.event].sum() - np.log(denominator).sum())


def _vary(plan: Design, table: Array) -> None:
    constant = [name for name, spread in zip(plan.terms, table.std(axis=0), strict=True) if spread == 0]
    if constant:
        raise WellhouseError(f"covariate {constant[0]!r} is the same for everybody")
