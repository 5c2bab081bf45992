"""CKD-EPI 2021 creatinine equation, race-free.

Reference: Inker LA, Eneanya ND, Coresh J, et al. New creatinine- and cystatin C-based equations to estimate GFR without
race. N Engl J Med 2021;385:1737-1749.
Inputs: serum creatinine (mg/dL, enzymatic, IDMS-traceable), age (years), sex.
Output: estimated glomerular filtration rate, mL/min per 1.73 m2.
Limits: adults from 18 years, stable kidney function; not in pregnancy or on dialysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ckd_epi_2021(
    *, creatinine_mg_dl: ArrayLike, age_years: ArrayLike, sex: ArrayLike, coefficients: Mapping[str, Any]
) -> NDArray[np.float64]:
    """eGFR = 142 * min(Scr/k, 1)^a * max(Scr/k, 1)^-1.200 * 0.9938^age * (1.012 if female).

    :param sex: ``male`` or ``female``
    :param coefficients: ``coefficients`` of ``coefficients/v<N>.json``
    :returns: mL/min/{1.73_m2}, the inputs' shape; unrounded
    """
    b, female = coefficients, np.asarray(sex) == "female"
    kappa = np.where(female, b["female"]["kappa"], b["male"]["kappa"])
    alpha = np.where(female, b["female"]["alpha"], b["male"]["alpha"])
    factor = np.where(female, b["female"]["factor"], b["male"]["factor"])
    ratio = np.asarray(creatinine_mg_dl, dtype=float) / kappa
    age = np.asarray(age_years, dtype=float)
    below, above = np.minimum(ratio, 1) ** alpha, np.maximum(ratio, 1) ** b["above_kappa"]
    return np.asarray(b["scale"] * below * above * b["per_year"] ** age * factor)
