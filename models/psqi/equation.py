"""Pittsburgh sleep quality index.

Reference: Buysse DJ, Reynolds CF, Monk TH, et al. The Pittsburgh sleep quality index. Psychiatry Res 1989;28:193-213.
Inputs: minutes to fall asleep, hours slept and in bed, and the items of 0 to 3.
Output: 0 to 21 points and its seven components.
Limits: adults; above 5 poor sleep (above 7 in Chinese people, Liu X 1996).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, numbers, points

DISTURBANCES = tuple(f"psqi_5{letter}" for letter in "bcdefghij")


def psqi(
    *,
    psqi_latency_min: ArrayLike,
    psqi_hours_slept: ArrayLike,
    psqi_hours_in_bed: ArrayLike,
    psqi_5a: ArrayLike,
    psqi_quality: ArrayLike,
    psqi_medication: ArrayLike,
    psqi_sleepiness: ArrayLike,
    psqi_enthusiasm: ArrayLike,
    coefficients: Mapping[str, Any],
    **items: Any,
) -> dict[str, Array]:
    """The sum of seven components of 0 to 3.

    :param items: ``psqi_5b`` … ``psqi_5j``
    :returns: ``score`` and ``quality``, ``latency``, ``duration``, ``efficiency``, ``disturbance``, ``medication``,
        ``daytime``; the inputs' shape
    """
    b = coefficients
    latency, slept, in_bed, no_sleep = numbers(psqi_latency_min, psqi_hours_slept, psqi_hours_in_bed, psqi_5a)
    quality, medication, sleepy, spirit = numbers(psqi_quality, psqi_medication, psqi_sleepiness, psqi_enthusiasm)
    disturbed = np.asarray(sum(numbers(*(items[name] for name in DISTURBANCES))))
    parts = {
        "quality": quality,
        "latency": points(points(latency, b["latency_min"]) + no_sleep, b["sum_of_two"]),
        "duration": 3 - points(slept, b["hours_slept"]),
        "efficiency": 3 - points(np.round(100 * slept / in_bed, 9), b["efficiency_percent"]),
        "disturbance": points(disturbed, b["disturbance"]),
        "medication": medication,
        "daytime": points(sleepy + spirit, b["sum_of_two"]),
    }
    return {"score": np.asarray(sum(parts.values())), **parts}
