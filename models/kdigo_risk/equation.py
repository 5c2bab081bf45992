"""KDIGO risk of chronic kidney disease by GFR and albuminuria category.

Reference: KDIGO 2024 clinical practice guideline for chronic kidney disease. Kidney Int 2024;105(4S):S117-S314,
figure of prognosis by GFR and albuminuria.
Inputs: eGFR (mL/min/1.73 m2), urine albumin/creatinine ratio (mg/g).
Output: 1 low (green), 2 moderately increased (yellow), 3 high (orange), 4 very high (red).
Limits: adults; a diagnosis takes two results at least three months apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, points


def kdigo_risk(*, egfr: ArrayLike, uacr_mg_g: ArrayLike, coefficients: Mapping[str, Any]) -> Array:
    """The level at the crossing of a G row and an A column.

    :param coefficients: ``gfr`` and ``albuminuria`` steps to a place in ``levels`` (rows G5 … G1, columns A1 A2 A3)
    :returns: the inputs' shape
    """
    row = points(egfr, coefficients["gfr"]).astype(int)
    column = points(uacr_mg_g, coefficients["albuminuria"]).astype(int)
    return np.asarray(np.array(coefficients["levels"], dtype=float)[row, column])
