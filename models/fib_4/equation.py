"""FIB-4 index of liver fibrosis.

Reference: Sterling RK, Lissen E, Clumeck N, et al. Development of a simple noninvasive index to predict significant
fibrosis in patients with HIV/HCV coinfection. Hepatology 2006;43:1317-1325.
Inputs: age (years), AST (U/L), ALT (U/L), platelets (10^9/L).
Output: a number without unit.
Limits: not under 35 years; not in acute hepatitis. From 65 years the lower cut-off is 2.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fib_4(
    *,
    age_years: ArrayLike,
    ast_u_l: ArrayLike,
    alt_u_l: ArrayLike,
    platelets_10_9_l: ArrayLike,
    coefficients: Mapping[str, Any],
) -> NDArray[np.float64]:
    """FIB-4 = age * AST / (platelets * sqrt(ALT)).

    :param coefficients: ``coefficients`` of ``coefficients/v<N>.json``
    :returns: the index, the inputs' shape; unrounded
    """
    age, ast, alt, platelets = (np.asarray(x, dtype=float) for x in (age_years, ast_u_l, alt_u_l, platelets_10_9_l))
    return np.asarray(age * ast / (platelets * alt ** coefficients["alt_exponent"]))
