"""AHA PREVENT: 10- and 30-year risk of cardiovascular disease, in total and by outcome.

Reference: Khan SS, Matsushita K, Sang Y, et al. Development and validation of the American Heart Association's PREVENT
equations. Circulation 2024;149:430-449, supplementary table S12.
Inputs: age (years), sex, total and HDL cholesterol (mg/dL), systolic blood pressure (mmHg) and its treatment, diabetes,
current smoking, body mass index (kg/m2), eGFR by CKD-EPI 2021 (mL/min/1.73 m2), statin; by variant also urine
albumin/creatinine ratio (mg/g), HbA1c (%), social deprivation index (decile), which may be missing.
Output: five probabilities, 0 to 1: total CVD, atherosclerotic CVD, heart failure, coronary heart disease, stroke.
Limits: 30 to 79 years (30-year risk: to 59) without cardiovascular disease; TC 130-320, HDL 20-100 mg/dL, SBP 90-200,
BMI 18.5-<40, eGFR 15-140. Not calibrated for Chinese people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers, predictor

MMOL_L_PER_MG_DL = 0.02586
"""The paper's factor for cholesterol."""


OUTCOMES = ("cvd", "ascvd", "hf", "chd", "stroke")


def prevent(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    total_cholesterol_mg_dl: ArrayLike,
    hdl_cholesterol_mg_dl: ArrayLike,
    sbp_mm_hg: ArrayLike,
    bp_medication: ArrayLike,
    diabetes: ArrayLike,
    smoker: ArrayLike,
    bmi_kg_m2: ArrayLike,
    egfr: ArrayLike,
    statin: ArrayLike,
    uacr_mg_g: ArrayLike = np.nan,
    hba1c_percent: ArrayLike = np.nan,
    sdi_decile: ArrayLike = np.nan,
    coefficients: Mapping[str, Any],
) -> dict[str, Array]:
    """risk = 1 / (1 + exp(-x)), x the sum of coefficient * term of the person's sex.

    :param sex: ``male`` or ``female``
    :param bp_medication: and the other flags: 1 or 0
    :param coefficients: of one variant: by outcome, by sex, by term
    :returns: ``risk_<outcome>``, probabilities of the inputs' shape; unrounded
    """
    quantities = (age_years, total_cholesterol_mg_dl, hdl_cholesterol_mg_dl, sbp_mm_hg, bmi_kg_m2, egfr)
    flags = (bp_medication, diabetes, smoker, statin)
    columns = np.broadcast_arrays(*numbers(*quantities, *flags, uacr_mg_g, hba1c_percent, sdi_decile))
    terms = _clinical(*columns[:10]) | _optional(columns[7], *columns[10:])
    risks = {}
    for outcome in OUTCOMES:
        x = predictor(terms, coefficients[outcome], sex)
        risks[f"risk_{outcome}"] = np.asarray(1 / (1 + np.exp(-x)))
    return risks


def _clinical(
    age_years: Array, tc: Array, hdl: Array, sbp: Array, bmi: Array, gfr: Array, treated: Array, diabetes: Array,
    smoker: Array, statin: Array,
) -> dict[str, Array]:  # fmt: skip
    """The terms of every variant, named as in the published table."""
    age = (age_years - 55) / 10
    non_hdl = (tc - hdl) * MMOL_L_PER_MG_DL - 3.5
    hdl = (hdl * MMOL_L_PER_MG_DL - 1.3) / 0.3
    sbp_high = (np.maximum(sbp, 110) - 130) / 20
    bmi_high = (np.maximum(bmi, 30) - 30) / 5
    gfr_low = (np.minimum(gfr, 60) - 60) / -15
    return {
        "const": np.ones_like(age),
        "age_per_10_years": age,
        "age_per_10_years_squared": age**2,
        "non_hdl_c_per_1_mmol_l": non_hdl,
        "hdl_c_per_0.3_mmol_l": hdl,
        "sbp_lt110_per_20_mmhg": (np.minimum(sbp, 110) - 110) / 20,
        "sbp_gteq110_per_20_mmhg": sbp_high,
        "diabetes": diabetes,
        "current_smoking": smoker,
        "bmi_lt30_per_5_kg_m2": (np.minimum(bmi, 30) - 25) / 5,
        "bmi_gt30_per_5_kg_m2": bmi_high,
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
        "age_per_10yr_x_bmi_gteq30_per_5_kg_m2": age * bmi_high,
        "age_per_10yr_x_egfr_lt60_per_15_ml": age * gfr_low,
    }


def _optional(diabetes: Array, uacr: Array, hba1c: Array, sdi: Array) -> dict[str, Array]:
    """What a variant adds; a missing value has an indicator of its own and no other part."""
    above = np.nan_to_num(hba1c - 5.3)
    return {
        "ln_acr": np.nan_to_num(np.log(uacr)),
        "miss_ln_acr": np.isnan(uacr).astype(float),
        "hba1c_minus_5.3_x_diabetes": above * diabetes,
        "hba1c_minus_5.3_x_1_minus_diabetes": above * (1 - diabetes),
        "miss_hba1c": np.isnan(hba1c).astype(float),
        "sdi_decile_between_4_and_6": ((sdi >= 4) & (sdi <= 6)).astype(float),
        "sdi_decile_between_7_and_10": (sdi >= 7).astype(float),
        "miss_sdi": np.isnan(sdi).astype(float),
    }
