"""Questionnaires whose score is the sum of their items: PHQ-9, PHQ-2, GAD-7, GAD-2, AUDIT-C.

Reference: Kroenke K, Spitzer RL, Williams JB. J Gen Intern Med 2001;16:606-613 (PHQ-9); Kroenke K et al. Med Care
2003;41:1284-1292 (PHQ-2); Spitzer RL et al. Arch Intern Med 2006;166:1092-1097 (GAD-7); Kroenke K et al. Ann Intern Med
2007;146:317-325 (GAD-2); Bush K et al. Arch Intern Med 1998;158:1789-1795 (AUDIT-C).
Inputs: the items, each in its published range of whole numbers.
Output: points; where few items are missing, the mean of the others stands for them.
Limits: screening, not a diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.formulas import Array, numbers


def item_sums(*, coefficients: Mapping[str, Any], **items: Any) -> Array:
    """Mean of the answered items times their number.

    :param coefficients: ``items``: the names of those that count
    :returns: points, the inputs' shape
    """
    answers = np.stack(np.broadcast_arrays(*numbers(*(items[name] for name in coefficients["items"]))))
    answered = ~np.isnan(answers)
    return np.asarray(np.nansum(answers, axis=0) * len(answers) / answered.sum(axis=0))
