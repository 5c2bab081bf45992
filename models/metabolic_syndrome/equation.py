"""Metabolic syndrome, by the Chinese Diabetes Society (2020) or the International Diabetes Federation (2005).

Reference: 中国2型糖尿病防治指南 2020 (Chinese Diabetes Society); Alberti KG, Zimmet P, Shaw J. The metabolic
syndrome, a new worldwide definition. Lancet 2005;366:1059-1062 (waist for Chinese people: men 90, women 80 cm).
Inputs: sex, waist (cm), fasting glucose, 2-hour glucose, triglycerides, HDL cholesterol (mmol/L), pressure (mmHg) and
its treatment, diabetes.
Output: 1 or 0, and the number of components.
Limits: adults; a treated pressure or a known diabetes counts where it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from models.formulas import Array, constant, numbers


def metabolic_syndrome(
    *,
    sex: ArrayLike,
    waist_cm: ArrayLike,
    fasting_glucose_mmol_l: ArrayLike,
    sbp_mm_hg: ArrayLike,
    dbp_mm_hg: ArrayLike,
    triglycerides_mmol_l: ArrayLike,
    hdl_cholesterol_mmol_l: ArrayLike,
    glucose_2h_mmol_l: ArrayLike = np.nan,
    diabetes: ArrayLike = np.nan,
    bp_medication: ArrayLike = np.nan,
    coefficients: Mapping[str, Any],
) -> dict[str, Array]:
    """Components that are present, and whether they suffice.

    :param coefficients: of one variant: thresholds, ``waist_cm`` and ``hdl_cholesterol_mmol_l`` by sex, how many
        components suffice, and whether the waist must be one of them
    :returns: ``metabolic_syndrome`` and ``components``, the inputs' shape
    """
    b = coefficients
    waist, glucose, later, sbp, dbp = numbers(waist_cm, fasting_glucose_mmol_l, glucose_2h_mmol_l, sbp_mm_hg, dbp_mm_hg)
    fat, hdl, known, treated = numbers(triglycerides_mmol_l, hdl_cholesterol_mmol_l, diabetes, bp_medication)
    wide = waist >= constant(b["by_sex"], "waist_cm", sex)
    sugar = (glucose >= b["fasting_glucose_mmol_l"]) | (later >= b.get("glucose_2h_mmol_l", np.inf)) | (known == 1)
    pressure = (sbp >= b["sbp_mm_hg"]) | (dbp >= b["dbp_mm_hg"]) | (treated == 1)
    lipids = [fat >= b["triglycerides_mmol_l"], hdl < constant(b["by_sex"], "hdl_cholesterol_mmol_l", sex)]
    count = np.sum(np.broadcast_arrays(wide, sugar, pressure, *lipids), axis=0)
    present = (count >= b["components"]) & (wide | (not b["waist_is_needed"]))
    return {"metabolic_syndrome": present.astype(float), "components": count.astype(float)}
