"""Accelerated failure time models by lifelines, pooled over imputations: Weibull, log-normal, log-logistic."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from models.survival.cohort import Cohort
from models.survival.design import Design, design
from models.survival.impute import expect, impute
from models.survival.partial import linear
from models.survival.spec import FitSpec
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Aft:
    """log T = intercept + beta · (terms - mean) + scale * error; a positive coefficient means the event comes later."""

    method: str
    design: Design
    intercept: float
    scale: float
    beta: Array
    error: Array
    mean: Array
    center: Array
    covariance: Array

    def score(self, x: Array) -> Array:
        """Higher: the event comes sooner. What is missing is averaged over, as relative hazard (or odds)."""

        def hazard(whole: Array) -> Array:
            return -linear(self.design.matrix(whole) - self.mean, self.beta) / self.scale

        return self.scale * expect(hazard, x, self.center, self.covariance)

    def risk(self, x: Array, at: Array) -> Array:
        """P(event by each time), people × times."""
        return self._by(np.log(np.maximum(at, 1e-300))[None, :], self.score(x)[:, None])

    def expected(self, x: Array, until: Array) -> Array:
        """The cumulative hazard of each person up to their own time."""
        return np.asarray(-np.log1p(-np.minimum(self._by(np.log(until), self.score(x)), 1 - 1e-12)))

    def _by(self, log_time: Array, score: Array) -> Array:
        z = (log_time - self.intercept + score) / self.scale
        if self.method == "weibull":
            return np.asarray(-np.expm1(-np.exp(z)))
        return np.asarray(ndtr(z) if self.method == "log_normal" else expit(z))


def fit(spec: FitSpec, cohort: Cohort, rng: np.random.Generator, copies: list[Array] | None = None) -> Aft:
    """
    :raises WellhouseError: the fit does not converge.
    """
    copies = copies or impute(cohort, spec.imputations, rng)
    plan = design(spec, cohort.x)
    tables = [plan.matrix(x) for x in copies]
    mean = np.mean([table.mean(axis=0) for table in tables], axis=0)
    fits = [_regress(spec.method, cohort, table - mean) for table in tables]
    numbers = np.array([np.concatenate([[one[0], one[1]], one[2]]) for one in fits])
    pooled = numbers.mean(axis=0)
    within = np.mean([one[3] for one in fits], axis=0)
    between = numbers[:, 2:].var(axis=0, ddof=1) if len(fits) > 1 else np.zeros(len(mean))
    stacked = np.vstack(copies)
    return Aft(
        method=spec.method,
        design=plan,
        intercept=float(pooled[0]),
        scale=float(pooled[1]),
        beta=pooled[2:],
        error=np.sqrt(within + (1 + 1 / len(fits)) * between),
        mean=mean,
        center=stacked.mean(axis=0),
        covariance=np.atleast_2d(np.cov(stacked, rowvar=False)),
    )


def _regress(method: str, cohort: Cohort, table: Array) -> tuple[float, float, Array, Array]:
    """Intercept, scale, coefficients and their variances."""
    from lifelines import LogLogisticAFTFitter, LogNormalAFTFitter, WeibullAFTFitter
    from lifelines.exceptions import ConvergenceError

    fitters = {"weibull": WeibullAFTFitter, "log_normal": LogNormalAFTFitter, "log_logistic": LogLogisticAFTFitter}
    frame = pd.DataFrame(table, columns=[f"x{i}" for i in range(table.shape[1])])
    frame["_time"], frame["_event"] = cohort.time, cohort.event
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = fitters[method]().fit(frame, "_time", "_event")
        except (ConvergenceError, np.linalg.LinAlgError):
            raise WellhouseError(f"the {method} regression does not converge") from None
    place, shape = {
        "weibull": ("lambda_", "rho_"),
        "log_normal": ("mu_", "sigma_"),
        "log_logistic": ("alpha_", "beta_"),
    }[method]
    numbers = fitted.params_
    scale = np.exp(numbers[shape, "Intercept"])
    names = [(place, f"x{i}") for i in range(table.shape[1])]
    variance = np.array([fitted.variance_matrix_.loc[name, name] for name in names], dtype=float)
    return (
        float(numbers[place, "Intercept"]),
        float(scale if method == "log_normal" else 1 / scale),
        numbers[names].to_numpy(dtype=float),
        variance,
    )
