"""Central obesity of Chinese adults by waist.

Reference: WS/T 428-2013 成人体重判定: men from 90 cm, women from 85 cm.
Inputs: sex, waist (cm).
Output: 1 or 0.
Limits: adults; not in pregnancy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant


def central_obesity_wst_428(*, sex: ArrayLike, waist_cm: ArrayLike, coefficients: Mapping[str, Any]) -> Array:
    """Whether the waist reaches the threshold of the person's sex.

    :returns: 1 or 0, the inputs' shape
    """
    return (np.asarray(waist_cm, dtype=float) >= constant(coefficients, "waist_cm", sex)).astype(float)
