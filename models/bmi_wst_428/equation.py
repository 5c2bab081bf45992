"""Weight status of Chinese adults by body mass index.

Reference: WS/T 428-2013 成人体重判定: below 18.5 underweight, from 24.0 overweight, from 28.0 obese.
Inputs: body mass index (kg/m2), as given or from weight and height.
Output: the index itself, which the categories are of: never rounded before, 23.95 is below 24.
Limits: adults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array


def bmi_wst_428(*, bmi_kg_m2: ArrayLike, coefficients: Mapping[str, Any]) -> Array:
    """The index as it is.

    :returns: kg/m2, the input's shape
    """
    return np.asarray(bmi_kg_m2, dtype=float)
