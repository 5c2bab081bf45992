"""HOMA-IR: insulin resistance from fasting glucose and insulin.

Reference: Matthews DR, Hosker JP, Rudenski AS, et al. Homeostasis model assessment. Diabetologia 1985;28:412-419.
Inputs: fasting glucose (mmol/L), fasting insulin (mIU/L).
Output: a number without unit.
Limits: not under insulin treatment; cut-offs depend on the assay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers


def homa_ir(*, fasting_glucose_mmol_l: ArrayLike, insulin_mu_l: ArrayLike, coefficients: Mapping[str, Any]) -> Array:
    """Glucose * insulin / 22.5.

    :returns: the inputs' shape; unrounded
    """
    glucose, insulin = numbers(fasting_glucose_mmol_l, insulin_mu_l)
    return np.asarray(glucose * insulin / coefficients["divisor"])
