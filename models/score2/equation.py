"""SCORE2 for Europe and SCORE2 Asia-Pacific: 10-year risk of fatal and non-fatal cardiovascular disease.

Reference: SCORE2 working group. Eur Heart J 2021;42:2439-2454. SCORE2 Asia-Pacific: Eur Heart J 2024,
doi:10.1093/eurheartj/ehae609.
Inputs: age (years), sex, smoking, systolic pressure (mmHg), diabetes, total and HDL cholesterol (mmol/L), and the
risk region of the country.
Output: a probability, 0 to 1.
Limits: 40 to 69 years without cardiovascular disease.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant, numbers, predictor


def score2(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    smoker: ArrayLike,
    sbp_mm_hg: ArrayLike,
    diabetes: ArrayLike,
    total_cholesterol_mmol_l: ArrayLike,
    hdl_cholesterol_mmol_l: ArrayLike,
    risk_region: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """u = 1 - S10^exp(x), recalibrated to the region: risk = 1 - exp(-exp(scale1 + scale2 * ln(-ln(1 - u)))).

    :param risk_region: ``low``, ``moderate``, ``high`` or ``very_high``
    :param coefficients: ``terms`` by sex, ``regions`` by ``<region>_<sex>``
    :returns: the inputs' shape; unrounded
    """
    years, sbp, tc, hdl = numbers(age_years, sbp_mm_hg, total_cholesterol_mmol_l, hdl_cholesterol_mmol_l)
    smokes, has_diabetes = numbers(smoker, diabetes)
    age, pressure, total, high = (years - 60) / 5, (sbp - 120) / 20, tc - 6, (hdl - 1.3) / 0.5
    terms = {
        "age": age,
        "smoker": smokes,
        "sbp": pressure,
        "diabetes": has_diabetes,
        "total_cholesterol": total,
        "hdl_cholesterol": high,
        "age_x_smoker": age * smokes,
        "age_x_sbp": age * pressure,
        "age_x_diabetes": age * has_diabetes,
        "age_x_total_cholesterol": age * total,
        "age_x_hdl_cholesterol": age * high,
    }
    x = predictor(terms, coefficients["terms"], sex)
    # ln(-ln(1 - u)) = ln(-ln S10) + x: exact where 1 - u itself would round to 1
    survival = constant(coefficients["terms"], "baseline_survival", sex)
    place = np.char.add(np.char.add(np.asarray(risk_region).astype("U9"), "_"), np.asarray(sex).astype("U6"))
    first, second = (constant(coefficients["regions"], scale, place) for scale in ("scale1", "scale2"))
    return np.asarray(-np.expm1(-np.exp(first + second * (np.log(-np.log(survival)) + x))))
