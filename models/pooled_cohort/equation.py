"""ACC/AHA pooled cohort equations: 10-year risk of a first hard atherosclerotic cardiovascular event.

Reference: Goff DC Jr, Lloyd-Jones DM, Bennett G, et al. 2013 ACC/AHA guideline on the assessment of cardiovascular
risk. Circulation 2014;129(25 Suppl 2):S49-S73, table A.
Inputs: age (years), sex, ethnicity, total and HDL cholesterol (mg/dL), systolic pressure (mmHg) and its treatment,
smoking, diabetes.
Output: a probability, 0 to 1.
Limits: 40 to 79 years without cardiovascular disease; overestimates in Chinese people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant, numbers, predictor, risk_from_hazard


def pooled_cohort(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    ethnicity: ArrayLike,
    total_cholesterol_mg_dl: ArrayLike,
    hdl_cholesterol_mg_dl: ArrayLike,
    sbp_mm_hg: ArrayLike,
    bp_medication: ArrayLike,
    smoker: ArrayLike,
    diabetes: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """risk = 1 - S10^exp(x - mean), x the sum of coefficient * term of the person's sex and ethnicity.

    :param ethnicity: ``black``; anybody else by the equations for white people, as the guideline says
    :param coefficients: by ``<sex>_<ethnicity>``: terms, ``mean``, ``baseline_survival``
    :returns: the inputs' shape; unrounded
    """
    age, tc, hdl, sbp = np.log(
        np.broadcast_arrays(*numbers(age_years, total_cholesterol_mg_dl, hdl_cholesterol_mg_dl, sbp_mm_hg))
    )
    treated, smokes, has_diabetes = numbers(bp_medication, smoker, diabetes)
    terms = {
        "ln_age": age,
        "ln_age_squared": age**2,
        "ln_total_cholesterol": tc,
        "ln_age_x_ln_total_cholesterol": age * tc,
        "ln_hdl_cholesterol": hdl,
        "ln_age_x_ln_hdl_cholesterol": age * hdl,
        "ln_sbp_treated": treated * sbp,
        "ln_age_x_ln_sbp_treated": age * treated * sbp,
        "ln_sbp_untreated": (1 - treated) * sbp,
        "ln_age_x_ln_sbp_untreated": age * (1 - treated) * sbp,
        "smoker": smokes,
        "ln_age_x_smoker": age * smokes,
        "diabetes": has_diabetes,
    }
    black, female = np.asarray(ethnicity) == "black", np.asarray(sex) == "female"
    group = np.where(
        female, np.where(black, "female_black", "female_white"), np.where(black, "male_black", "male_white")
    )
    x = predictor(terms, coefficients, group) - constant(coefficients, "mean", group)
    return risk_from_hazard(x, constant(coefficients, "baseline_survival", group))
