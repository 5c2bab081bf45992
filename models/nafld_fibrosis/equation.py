"""NAFLD fibrosis score.

Reference: Angulo P, Hui JM, Marchesini G, et al. The NAFLD fibrosis score. Hepatology 2007;45:846-854.
Inputs: age (years), body mass index (kg/m2), impaired fasting glucose or diabetes, AST and ALT (U/L),
platelets (10^9/L), albumin in g/dL, not g/L.
Output: a number without unit.
Limits: adults with fatty liver disease.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers


def nafld_fibrosis(
    *,
    age_years: ArrayLike,
    bmi_kg_m2: ArrayLike,
    glucose_disorder: ArrayLike,
    ast_u_l: ArrayLike,
    alt_u_l: ArrayLike,
    platelets_10_9_l: ArrayLike,
    albumin_g_dl: ArrayLike,
    coefficients: Mapping[str, Any],
) -> Array:
    """The sum of coefficient * term.

    :returns: the inputs' shape; unrounded
    """
    age, bmi, glucose, ast, alt, platelets, albumin = numbers(
        age_years, bmi_kg_m2, glucose_disorder, ast_u_l, alt_u_l, platelets_10_9_l, albumin_g_dl
    )
    terms = {
        "age_years": age,
        "bmi_kg_m2": bmi,
        "glucose_disorder": glucose,
        "ast_alt_ratio": ast / alt,
        "platelets_10_9_l": platelets,
        "albumin_g_dl": albumin,
    }
    return np.asarray(sum((coefficients[n] * t for n, t in terms.items()), np.asarray(coefficients["constant"])))
