"""Framingham general cardiovascular disease, with laboratory values or for the office: 10-year risk.

Reference: D'Agostino RB Sr, Vasan RS, Pencina MJ, et al. General cardiovascular risk profile for use in primary care.
Circulation 2008;117:743-753, tables 2 and 6, and the office-based model.
Inputs: age (years), sex, systolic pressure (mmHg) and its treatment, smoking, diabetes; total and HDL cholesterol
(mg/dL), or body mass index (kg/m2) for the office.
Output: a probability, 0 to 1, of coronary, cerebrovascular, peripheral arterial disease or heart failure.
Limits: 30 to 74 years without cardiovascular disease.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant, numbers, predictor, risk_from_hazard


def framingham_2008(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    sbp_mm_hg: ArrayLike,
    bp_medication: ArrayLike,
    smoker: ArrayLike,
    diabetes: ArrayLike,
    total_cholesterol_mg_dl: ArrayLike = np.nan,
    hdl_cholesterol_mg_dl: ArrayLike = np.nan,
    bmi_kg_m2: ArrayLike = np.nan,
    coefficients: Mapping[str, Any],
) -> Array:
    """risk = 1 - S10^exp(x - mean), x the sum of coefficient * term of the person's sex.

    :param coefficients: of one variant, by sex: terms, ``mean``, ``baseline_survival``; a term without a coefficient
        does not count
    :returns: the inputs' shape; unrounded
    """
    sbp, treated = numbers(sbp_mm_hg, bp_medication)
    terms = {
        "ln_age": np.log(np.asarray(age_years, dtype=float)),
        "ln_total_cholesterol": np.log(np.asarray(total_cholesterol_mg_dl, dtype=float)),
        "ln_hdl_cholesterol": np.log(np.asarray(hdl_cholesterol_mg_dl, dtype=float)),
        "ln_bmi": np.log(np.asarray(bmi_kg_m2, dtype=float)),
        "ln_sbp_untreated": (1 - treated) * np.log(sbp),
        "ln_sbp_treated": treated * np.log(sbp),
        "smoker": np.asarray(smoker, dtype=float),
        "diabetes": np.asarray(diabetes, dtype=float),
    }
    x = predictor(terms, coefficients, sex) - constant(coefficients, "mean", sex)
    return risk_from_hazard(x, constant(coefficients, "baseline_survival", sex))
