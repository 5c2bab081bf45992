"""International physical activity questionnaire, short form.

Reference: Guidelines for data processing and analysis of the IPAQ, November 2005 (ipaq.ki.se).
Inputs: days in the last week with, and minutes on such a day of, vigorous activity, moderate activity, walking.
Output: MET-minutes a week; 1 low, 2 moderate, 3 high.
Limits: 15 to 69 years; more than 960 minutes a day in all are not believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers


def ipaq_sf(
    *,
    vigorous_days: ArrayLike,
    vigorous_min: ArrayLike,
    moderate_days: ArrayLike,
    moderate_min: ArrayLike,
    walking_days: ArrayLike,
    walking_min: ArrayLike,
    coefficients: Mapping[str, Any],
) -> dict[str, Array]:
    """Bouts of less than ten minutes do not count; more than 180 minutes a day count as 180.

    :returns: ``level`` and ``met_min_week``, the inputs' shape
    """
    b = coefficients
    kinds = ("vigorous", "moderate", "walking")
    given = (vigorous_days, vigorous_min, moderate_days, moderate_min, walking_days, walking_min)
    said = np.broadcast_arrays(*numbers(*given))
    days, minutes = dict(zip(kinds, said[0::2], strict=True)), dict(zip(kinds, said[1::2], strict=True))
    for kind in kinds:
        counts = (days[kind] > 0) & (minutes[kind] >= b["bout_min"])
        days[kind] = np.where(counts, days[kind], 0.0)
        minutes[kind] = np.where(counts, np.minimum(minutes[kind], b["cap_min"]), 0.0)
    week = np.sum([b["met"][kind] * days[kind] * minutes[kind] for kind in kinds], axis=0)
    any_days = np.minimum(days["vigorous"] + days["moderate"] + days["walking"], 7)
    half_hours = sum(np.where(minutes[kind] >= 30, days[kind], 0.0) for kind in ("moderate", "walking"))
    high = ((days["vigorous"] >= 3) & (week >= 1500)) | ((any_days >= 7) & (week >= 3000))
    moderate = ((days["vigorous"] >= 3) & (minutes["vigorous"] >= 20)) | (half_hours >= 5)
    moderate |= (any_days >= 5) & (week >= 600)
    return {"level": np.where(high, 3.0, np.where(moderate, 2.0, 1.0)), "met_min_week": np.asarray(week)}
