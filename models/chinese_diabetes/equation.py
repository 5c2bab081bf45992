"""Chinese diabetes risk score: who should have an oral glucose tolerance test.

Reference: Zhou X, Qiao Q, Ji L, et al. Nonlaboratory-based risk assessment algorithm for undiagnosed type 2 diabetes
developed on a nation-wide diabetes survey. Diabetes Care 2013;36:3944-3952; table of 中国2型糖尿病防治指南 2020.
Inputs: age (years), sex, systolic pressure (mmHg), body mass index (kg/m2), waist (cm), diabetes of a parent, sibling
or child.
Output: 0 to 51 points.
Limits: 20 to 74 years without known diabetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, points, points_by_sex


def chinese_diabetes(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    sbp_mm_hg: ArrayLike,
    bmi_kg_m2: ArrayLike,
    waist_cm: ArrayLike,
    family_history_diabetes: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """The sum of the table's points.

    :returns: the inputs' shape
    """
    return np.asarray(
        points(age_years, coefficients["age_years"])
        + points(sbp_mm_hg, coefficients["sbp_mm_hg"])
        + points(bmi_kg_m2, coefficients["bmi_kg_m2"])
        + points_by_sex(waist_cm, coefficients["waist_cm"], sex)
        + coefficients["family_history_diabetes"] * np.asarray(family_history_diabetes, dtype=float)
        + coefficients["male"] * (np.asarray(sex) == "male")
    )
