"""China-PAR: 10-year risk of atherosclerotic cardiovascular disease.

Reference: Yang X, Li J, Hu D, et al. Predicting the 10-year risks of atherosclerotic cardiovascular disease in Chinese
population: the China-PAR project. Circulation 2016;134:1430-1440; three-decimal coefficients of T/JPMA 024-2024.
Inputs: age (years), sex, systolic pressure (mmHg) and its treatment, total and HDL cholesterol (mg/dL), waist (cm),
smoking, diabetes, north of the Yangtze; for men also city and family history.
Output: a probability, 0 to 1, of myocardial infarction, death of coronary disease, or stroke.
Limits: 35 to 74 years without cardiovascular disease.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant, numbers, predictor, risk_from_hazard


def china_par(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    sbp_mm_hg: ArrayLike,
    bp_medication: ArrayLike,
    total_cholesterol_mg_dl: ArrayLike,
    hdl_cholesterol_mg_dl: ArrayLike,
    waist_cm: ArrayLike,
    smoker: ArrayLike,
    diabetes: ArrayLike,
    north: ArrayLike,
    urban: ArrayLike,
    family_history_cvd: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """risk = 1 - S10^exp(x - mean), x the sum of coefficient * term of the person's sex.

    :param coefficients: by sex: terms, ``mean``, ``baseline_survival``
    :returns: the inputs' shape; unrounded
    """
    age, sbp, tc, hdl, waist = np.log(
        np.broadcast_arrays(*numbers(age_years, sbp_mm_hg, total_cholesterol_mg_dl, hdl_cholesterol_mg_dl, waist_cm))
    )
    treated, smokes, has_diabetes, in_north, in_city, family = numbers(
        bp_medication, smoker, diabetes, north, urban, family_history_cvd
    )
    terms = {
        "ln_age": age,
        "ln_sbp_treated": treated * sbp,
        "ln_sbp_untreated": (1 - treated) * sbp,
        "ln_total_cholesterol": tc,
        "ln_hdl_cholesterol": hdl,
        "ln_waist": waist,
        "smoker": smokes,
        "diabetes": has_diabetes,
        "north": in_north,
        "urban": in_city,
        "family_history": family,
        "ln_age_x_ln_sbp_treated": age * treated * sbp,
        "ln_age_x_ln_sbp_untreated": age * (1 - treated) * sbp,
        "ln_age_x_smoker": age * smokes,
        "ln_age_x_family_history": age * family,
    }
    x = predictor(terms, coefficients, sex) - constant(coefficients, "mean", sex)
    return risk_from_hazard(x, constant(coefficients, "baseline_survival", sex))
