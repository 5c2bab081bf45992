"""Kidney failure risk equation, four variables: risk of dialysis or transplant within two and five years.

Reference: Tangri N, Stevens LA, Griffith J, et al. JAMA 2011;305:1553-1559; Tangri N, Grams ME, Levey AS, et al. JAMA
2016;315:164-174 (baseline survival outside North America).
Inputs: age (years), sex, eGFR (mL/min/1.73 m2), urine albumin/creatinine ratio (mg/g).
Output: two probabilities, 0 to 1.
Limits: adults with eGFR below 60 (G3 to G5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant, numbers, risk_from_hazard


def kfre(
    *,
    age_years: ArrayLike,
    sex: ArrayLike,
    egfr: ArrayLike,
    uacr_mg_g: ArrayLike,
    population: ArrayLike,
    coefficients: Mapping[str, Any],
) -> dict[str, Array]:
    """risk = 1 - S^exp(x), x the sum of coefficient * (term - mean).

    :param population: ``non_north_america`` or ``north_america``
    :param coefficients: ``terms`` and ``means`` by term, ``baseline_survival`` by population and horizon
    :returns: ``risk_2y`` and ``risk_5y``, the inputs' shape; unrounded
    """
    age, gfr, albumin = numbers(age_years, egfr, uacr_mg_g)
    male = (np.asarray(sex) == "male").astype(float)
    terms = {"age_per_10_years": age / 10, "male": male, "egfr_per_5": gfr / 5, "ln_uacr": np.log(albumin)}
    beta, mean = coefficients["terms"], coefficients["means"]
    x = np.asarray(sum((beta[name] * (value - mean[name]) for name, value in terms.items()), np.zeros(())))
    survival = coefficients["baseline_survival"]
    return {f"risk_{years}": risk_from_hazard(x, constant(survival, years, population)) for years in ("2y", "5y")}
