"""Does the effect of a term change with time? Scaled Schoenfeld residuals against ranked time, by lifelines."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from models.survival.cohort import Cohort
from models.survival.design import design
from models.survival.impute import impute
from models.survival.spec import FitSpec

MOST = 20_000
"""People that the check is made on; more of them are drawn."""


def proportional_hazards(spec: FitSpec, cohort: Cohort) -> list[dict[str, Any]]:
    """Grambsch PM, Therneau TM. Biometrika 1994;81:515-526, on the first imputation: χ² and p of each term.

    Empty where the model makes no such assumption, or where people come under observation late.
    """
    if spec.method != "cox" or cohort.entry is not None:
        return []
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    rng = np.random.default_rng(spec.seed)
    some = cohort if len(cohort) <= MOST else cohort.take(np.sort(rng.choice(len(cohort), MOST, replace=False)))
    x = impute(some, 1, rng)[0]
    plan = design(spec, some.x)
    frame = pd.DataFrame(plan.matrix(x), columns=list(plan.terms))
    frame["_time"], frame["_event"] = some.time, some.event
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = CoxPHFitter().fit(frame, "_time", "_event")
        found = proportional_hazard_test(fitted, frame, time_transform="rank").summary
    return [
        {"term": str(name), "chi_squared": float(f"{row['test_statistic']:.4g}"), "p": float(f"{row['p']:.4g}")}
        for name, row in found.iterrows()
    ]
