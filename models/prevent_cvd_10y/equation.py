"""AHA PREVENT, base model: 10-year risk of total cardiovascular disease (atherosclerotic disease or heart failure).

Reference: Khan SS, Matsushita K, Sang Y, et al. Development and validation of the American Heart Association's PREVENT
equations. Circulation 2024;149:430-449, supplementary table S12.
Inputs: age (years), sex, total and HDL cholesterol (mg/dL), systolic blood pressure (mmHg) and its treatment, diabetes,
current smoking, eGFR by CKD-EPI 2021 (mL/min/1.73 m2), statin.
Output: a probability, 0 to 1.
Limits: 30 to 79 years without cardiovascular disease; TC 130-320, HDL 20-100 mg/dL, SBP 90-200 mmHg, BMI 18.5-<40,
eGFR 15-140. Not calibrated for Chinese people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MMOL_L_PER_MG_DL = 0.02586
"""The paper's factor for cholesterol."""


def prevent_cvd_10y(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    total_cholesterol_mg_dl: ArrayLike,
    hdl_cholesterol_mg_dl: ArrayLike,
    sbp_mm_hg: ArrayLike,
    bp_medication: ArrayLike,
    diabetes: ArrayLike,
    smoker: ArrayLike,
    egfr: ArrayLike,
    statin: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """risk = 1 / (1 + exp(-x)), x the sum of coefficient * term of the person's sex.

    :param sex: ``male`` or ``female``
    :param bp_medication: and the other flags: 1 or 0
    :param coefficients: ``coefficients`` of ``coefficients/v<N>.json``: by sex, by term
    :returns: probability of total CVD within 10 years, the inputs' shape; unrounded
    """
    numbers = (age_years, total_cholesterol_mg_dl, hdl_cholesterol_mg_dl, sbp_mm_hg, egfr)
    flags = (bp_medication, diabetes, smoker, statin)
    terms = _terms(*(np.asarray(x, dtype=float) for x in numbers + flags))
    female = np.asarray(sex) == "female"
    x: Array = np.zeros(np.broadcast(female, *terms.values()).shape)
    for name, term in terms.items():
        x = x + np.where(female, coefficients["female"][name], coefficients["male"][name]) * term
    return np.asarray(1 / (1 + np.exp(-x)))


def _terms(
    age_years: Array, tc: Array, hdl: Array, sbp: Array, gfr: Array, treated: Array, diabetes: Array, smoker: Array,
    statin: Array,
) -> dict[str, Array]:  # fmt: skip
    """The terms of the linear predictor, named as in the published table."""
    age = (age_years - 55) / 10
    non_hdl = (tc - hdl) * MMOL_L_PER_MG_DL - 3.5
    hdl = (hdl * MMOL_L_PER_MG_DL - 1.3) / 0.3
    sbp_high = (np.maximum(sbp, 110) - 130) / 20
    gfr_low = (np.minimum(gfr, 60) - 60) / -15
    return {
        "const": np.ones_like(age),
        "age_per_10_years": age,
        "non_hdl_c_per_1_mmol_l": non_hdl,
        "hdl_c_per_0.3_mmol_l": hdl,
        "sbp_lt110_per_20_mmhg": (np.minimum(sbp, 110) - 110) / 20,
        "sbp_gteq110_per_20_mmhg": sbp_high,
        "diabetes": diabetes,
        "current_smoking": smoker,
        "egfr_lt60_per_15_ml": gfr_low,
        "egfr_gteq60_per_15_ml": (np.maximum(gfr, 60) - 90) / -15,
        "anti_hypertensive_use": treated,
        "statin_use": statin,
        "treated_sbp_gteq110_mm_hg_per_20_mm_hg": treated * sbp_high,
        "treated_non_hdl_c": statin * non_hdl,
        "age_per_10yr_x_non_hdl_c_per_1_mmol_l": age * non_hdl,
        "age_per_10yr_x_hdl_c_per_0.3_mmol_l": age * hdl,
        "age_per_10yr_x_sbp_gteq110_mm_hg_per_20_mmhg": age * sbp_high,
        "age_per_10yr_x_diabetes": age * diabetes,
        "age_per_10yr_x_current_smoking": age * smoker,
        "age_per_10yr_x_egfr_lt60_per_15_ml": age * gfr_low,
    }
