"""Grade of blood pressure, Chinese guideline 2024.

Reference: 中国高血压防治指南(2024年修订版).
Inputs: systolic and diastolic pressure (mmHg).
Output: 0 normal, 1 high-normal, 2 to 4 hypertension of grade 1 to 3; whether only the systolic pressure is high.
Limits: adults; a diagnosis takes raised pressure on three days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers, points


def hypertension_grade(
    *, sbp_mm_hg: ArrayLike, dbp_mm_hg: ArrayLike, coefficients: Mapping[str, Any]
) -> dict[str, Array]:
    """The higher of the two grades.

    :returns: ``level`` and ``isolated_systolic`` (1 or 0), the inputs' shape
    """
    sbp, dbp = numbers(sbp_mm_hg, dbp_mm_hg)
    level = np.maximum(points(sbp, coefficients["sbp_mm_hg"]), points(dbp, coefficients["dbp_mm_hg"]))
    only = coefficients["isolated_systolic"]
    isolated = (sbp >= only["sbp_mm_hg"]) & (dbp < only["dbp_mm_hg"])
    return {"level": np.asarray(level), "isolated_systolic": isolated.astype(float)}
