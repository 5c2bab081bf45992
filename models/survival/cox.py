"""Cox regression by lifelines, pooled over imputations, with Breslow's baseline."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.survival.cohort import Cohort
from models.survival.impute import fill, impute
from wellhouse.errors import WellhouseError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Cox:
    """S(t | x) = exp(-H0(t) * exp(beta · (x - mean))): H0 is a step function, at the covariates' mean."""

    names: tuple[str, ...]
    beta: Array
    error: Array
    """Standard errors, by Rubin's rules when imputed."""
    mean: Array
    covariance: Array
    """Of the covariates: what a missing one is expected to be."""
    moments: Array
    hazard: Array
    """Cumulative baseline hazard from each of ``moments`` on."""

    def score(self, x: Array) -> Array:
        """The linear predictor of each person; a missing covariate is replaced by its conditional mean."""
        return np.asarray((fill(x, self.mean, self.covariance) - self.mean) @ self.beta)

    def baseline(self, at: Array) -> Array:
        """H0 at each time."""
        steps = np.concatenate([[0.0], self.hazard])
        return np.asarray(steps[np.searchsorted(self.moments, at, side="right")])


def fit(cohort: Cohort, imputations: int, rng: np.random.Generator) -> Cox:
    """Fit on every imputation and pool (Rubin DB, 1987): means of coefficients, within + between variance.

    :raises WellhouseError: a covariate does not vary, or the fit does not converge.
    """
    copies = impute(cohort, imputations, rng)
    fits = [regress(cohort.time, cohort.event, x, cohort.names) for x in copies]
    betas = np.array([beta for beta, _ in fits])
    beta = betas.mean(axis=0)
    within = np.mean([variance for _, variance in fits], axis=0)
    between = betas.var(axis=0, ddof=1) if len(copies) > 1 else np.zeros_like(beta)
    stacked = np.vstack(copies)
    mean = stacked.mean(axis=0)
    hazards = [breslow(cohort.time, cohort.event, (x - mean) @ beta) for x in copies]
    return Cox(
        names=cohort.names,
        beta=beta,
        error=np.sqrt(within + (1 + 1 / len(copies)) * between),
        mean=mean,
        covariance=np.atleast_2d(np.cov(stacked, rowvar=False)),
        moments=hazards[0][0],
        hazard=np.mean([hazard for _, hazard in hazards], axis=0),
    )


def regress(time: Array, event: Array, x: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Coefficients and their variances; Efron's ties, no penalty."""
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    constant = [name for name, spread in zip(names, x.std(axis=0), strict=True) if spread == 0]
    if constant:
        raise WellhouseError(f"covariate {constant[0]!r} is the same for everybody")
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    frame["_time"], frame["_event"] = time, event
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = CoxPHFitter().fit(frame, "_time", "_event")
        except (ConvergenceError, np.linalg.LinAlgError):
            raise WellhouseError("the Cox regression does not converge: covariates may repeat one another") from None
    return fitted.params_.to_numpy(), np.diag(fitted.variance_matrix_.to_numpy()).copy()


def breslow(time: Array, event: Array, score: Array) -> tuple[Array, Array]:
    """Times of events and the cumulative baseline hazard from each on."""
    moments = np.unique(time[event])
    order = np.argsort(time, kind="stable")
    weight = np.exp(score[order])
    remaining = np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])
    at_risk = remaining[np.searchsorted(time[order], moments, side="left")]
    deaths = np.bincount(np.searchsorted(moments, time[event]), minlength=len(moments))
    return moments, np.cumsum(deaths / at_risk)
