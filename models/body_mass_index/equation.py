"""Body mass index.

Reference: WS/T 428-2013 成人体重判定.
Inputs: weight (kg), height (cm).
Output: kg/m2.
Limits: adults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers


def body_mass_index(*, weight_kg: ArrayLike, height_cm: ArrayLike, coefficients: Mapping[str, Any]) -> Array:
    """Weight / height^2, height in metres.

    :returns: kg/m2, the inputs' shape; unrounded
    """
    weight, height = numbers(weight_kg, height_cm)
    return np.asarray(weight / (height / coefficients["cm_per_m"]) ** 2)
