"""FINDRISC: risk of type 2 diabetes within ten years.

Reference: Lindström J, Tuomilehto J. The diabetes risk score. Diabetes Care 2003;26:725-731.
Inputs: age (years), sex, body mass index (kg/m2), waist (cm), half an hour of activity a day, daily vegetables or
fruit, blood pressure medication, glucose ever found high, diabetes in the family.
Output: 0 to 26 points.
Limits: adults without known diabetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, points, points_by_sex


def findrisc(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    bmi_kg_m2: ArrayLike,
    waist_cm: ArrayLike,
    active_30_min_daily: ArrayLike,
    vegetables_daily: ArrayLike,
    bp_medication: ArrayLike,
    high_glucose_history: ArrayLike,
    diabetes_in_family: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """The sum of the table's points.

    :param diabetes_in_family: ``none``, ``second_degree`` or ``first_degree``
    :returns: the inputs' shape
    """
    family = np.asarray(diabetes_in_family)
    flags = {
        "inactive": 1 - np.asarray(active_30_min_daily, dtype=float),
        "no_vegetables": 1 - np.asarray(vegetables_daily, dtype=float),
        "bp_medication": np.asarray(bp_medication, dtype=float),
        "high_glucose_history": np.asarray(high_glucose_history, dtype=float),
        "second_degree": (family == "second_degree").astype(float),
        "first_degree": (family == "first_degree").astype(float),
    }
    return np.asarray(
        points(age_years, coefficients["age_years"])
        + points(bmi_kg_m2, coefficients["bmi_kg_m2"])
        + points_by_sex(waist_cm, coefficients["waist_cm"], sex)
        + sum(coefficients[name] * flag for name, flag in flags.items())
    )
