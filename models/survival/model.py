"""One way to fit and use every kind of survival model."""

from __future__ import annotations

import numpy as np

from models.survival import aft, cox
from models.survival.aft import Aft
from models.survival.cohort import Cohort
from models.survival.competing import CauseSpecific
from models.survival.cox import Cox
from models.survival.impute import impute
from models.survival.spec import FitSpec

Model = Cox | CauseSpecific | Aft


def fit(spec: FitSpec, cohort: Cohort, rng: np.random.Generator) -> Model:
    """Fit as the spec says, on completed copies of the covariates.

    :raises WellhouseError: a covariate does not vary, or the fit does not converge.
    """
    copies = impute(cohort, spec.imputations, rng)
    if spec.method not in ("cox", "fine_gray"):
        return aft.fit(spec, cohort, rng, copies)
    first = cox.fit(spec, cohort, rng, copies)
    if spec.method == "cox" and cohort.competing is not None:
        return CauseSpecific(first, cox.fit(spec, cohort, rng, copies, other=True))
    return first
