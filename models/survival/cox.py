"""Regression of one event, pooled over imputations: Cox, or Fine and Gray's where another event competes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.survival.cohort import Cohort
from models.survival.design import Design, design
from models.survival.impute import fill, impute
from models.survival.partial import Risk, Solution, breslow, solve
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]

PENALTIES = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
PENALTY_FOLDS = 5


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

    def score(self, x: Array) -> Array:
        """The linear predictor of each person; a missing covariate is replaced by its conditional mean."""
        terms = self.design.matrix(fill(x, self.center, self.covariance))
        return np.asarray((terms - self.mean) @ self.beta)

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
    penalty = choose(spec, cohort, tables[0], rng, other) if spec.penalty == "cv" else float(spec.penalty)
    fits: list[Solution] = []
    for table in tables:
        fits.append(solve(risk, table, penalty, fits[-1].beta if fits else None))
    betas = np.array([one.beta for one in fits])
    beta, mean = betas.mean(axis=0), np.mean([table.mean(axis=0) for table in tables], axis=0)
    within = np.mean([np.diag(one.variance) for one in fits], axis=0)
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
    )


def risk_of(spec: FitSpec, cohort: Cohort, other: bool = False) -> Risk:
    """The risk sets of the spec's method."""
    if other:
        assert cohort.competing is not None
        return Risk(cohort.time, cohort.competing, cohort.entry)
    stays = cohort.competing if spec.method == "fine_gray" else None
    return Risk(cohort.time, cohort.event, cohort.entry, stays)


def choose(spec: FitSpec, cohort: Cohort, table: Array, rng: np.random.Generator, other: bool = False) -> float:
    """The penalty with the highest cross-validated partial likelihood.

    Verweij PJM, van Houwelingen HC. Stat Med 1993;12:2305-2314.
    """
    people = np.arange(len(cohort)) if cohort.person is None else cohort.person
    folds = rng.integers(0, PENALTY_FOLDS, people.max() + 1)[people]
    whole = risk_of(spec, cohort, other)
    parts = [(rows, risk_of(spec, cohort.take(rows), other)) for rows in (folds != k for k in range(PENALTY_FOLDS))]
    gains = []
    for penalty in PENALTIES:
        gain, start = 0.0, None
        for rows, part in parts:
            try:
                found = solve(part, table[rows], penalty, start)
            except WellhouseError:
                gain = -np.inf
                break
            start = found.beta
            gain += log_likelihood(whole, table, found.beta) - found.likelihood
        gains.append(gain)
    return PENALTIES[int(np.argmax(gains))]


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
