"""Published equations against their test vectors, to the precision these are printed with."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ckd_epi_2021.equation import ckd_epi_2021
from models.fib_4.equation import fib_4
from models.prevent_cvd_10y.equation import prevent_cvd_10y
from models.spec import find

PROFILE = {
    "age_years": 50, "total_cholesterol_mg_dl": 200, "hdl_cholesterol_mg_dl": 45, "sbp_mm_hg": 160, "bp_medication": 1,
    "diabetes": 1, "smoker": 0, "egfr": 90, "statin": 0,
}  # fmt: skip


def compute(equation: Callable[..., Any], **inputs: Any) -> Any:
    return equation(**inputs, coefficients=coefficients(equation.__name__))


@cache
def coefficients(model: str) -> Any:
    return find(model).coefficients()["coefficients"]


@pytest.mark.parametrize(
    ("sex", "age", "creatinine", "expected"),
    [("male", 50, 1.0, 91.69), ("female", 50, 1.0, 68.63), ("female", 30, 0.6, 123.76), ("male", 70, 1.5, 49.77)],
)
def test_ckd_epi_2021(sex: str, age: float, creatinine: float, expected: float) -> None:
    assert round(float(compute(ckd_epi_2021, sex=sex, age_years=age, creatinine_mg_dl=creatinine)), 2) == expected


@pytest.mark.parametrize(
    ("age", "ast", "alt", "platelets", "expected"),
    [(50, 40, 40, 200, 1.5811), (65, 80, 50, 120, 6.1283), (35, 20, 25, 250, 0.5600)],
)
def test_fib_4(age: float, ast: float, alt: float, platelets: float, expected: float) -> None:
    index = compute(fib_4, age_years=age, ast_u_l=ast, alt_u_l=alt, platelets_10_9_l=platelets)
    assert round(float(index), 4) == expected


@pytest.mark.parametrize(("sex", "expected"), [("female", 0.1468), ("male", 0.1632)])
def test_prevent_cvd_10y(sex: str, expected: float) -> None:
    assert round(float(compute(prevent_cvd_10y, sex=sex, **PROFILE)), 4) == expected


def test_prevent_coefficients_are_the_shared_table(shared_data: Path) -> None:
    table = pd.read_csv(shared_data.parent / "clinical" / "prevent_coefficients.csv")
    base = table[(table["model"] == "base") & (table["horizon_years"] == 10) & (table["outcome"] == "cvd")]
    ours = json.loads(find("prevent_cvd_10y").coefficients_path.read_text())["coefficients"]
    for letter, sex in (("F", "female"), ("M", "male")):
        rows = base[base["sex"] == letter].drop_duplicates()
        assert ours[sex] == dict(zip(rows["term"], rows["coefficient"], strict=True))


def test_columns_give_what_single_values_give() -> None:
    sexes = np.array(["male", "female"], dtype=object)
    together = compute(prevent_cvd_10y, sex=sexes, **{k: pd.Series([v, v]) for k, v in PROFILE.items()})
    assert list(together) == [float(compute(prevent_cvd_10y, sex=sex, **PROFILE)) for sex in sexes]


ages = st.floats(35, 79)
sexes = st.sampled_from(["male", "female"])


def rises(equation: Callable[..., Any], name: str, low: float, high: float, **fixed: Any) -> bool:
    first, second = (float(compute(equation, **fixed | {name: value})) for value in (low, high))
    return first <= second + 1e-12


@settings(deadline=None)
@given(sexes, ages, st.floats(0.1, 29), st.floats(0.01, 1))
def test_egfr_falls_with_creatinine_and_age(sex: str, age: float, creatinine: float, more: float) -> None:
    assert rises(ckd_epi_2021, "creatinine_mg_dl", creatinine + more, creatinine, sex=sex, age_years=age)
    assert rises(ckd_epi_2021, "age_years", age + more, age, sex=sex, creatinine_mg_dl=creatinine)


@settings(deadline=None)
@given(ages, st.floats(1, 500), st.floats(1, 500), st.floats(10, 900), st.floats(0.1, 50))
def test_fib_4_rises_with_age_and_ast_and_falls_with_platelets_and_alt(
    age: float, ast: float, alt: float, platelets: float, more: float
) -> None:
    inputs = {"age_years": age, "ast_u_l": ast, "alt_u_l": alt, "platelets_10_9_l": platelets}
    for name, sign in (("age_years", 1), ("ast_u_l", 1), ("alt_u_l", -1), ("platelets_10_9_l", -1)):
        low, high = (inputs[name], inputs[name] + more)[::sign]
        assert rises(fib_4, name, low, high, **inputs)


@settings(deadline=None)
@given(sexes, ages, st.floats(110, 199), st.floats(16, 59), st.floats(130, 320), st.floats(20, 100), st.floats(0.1, 1))
def test_prevent_rises_with_pressure_smoking_diabetes_and_falling_kidney_function(
    sex: str, age: float, sbp: float, egfr: float, tc: float, hdl: float, more: float
) -> None:
    inputs = PROFILE | {"sex": sex, "age_years": age, "sbp_mm_hg": sbp, "egfr": egfr}
    inputs |= {"total_cholesterol_mg_dl": tc, "hdl_cholesterol_mg_dl": hdl}
    assert rises(prevent_cvd_10y, "sbp_mm_hg", sbp, sbp + more, **inputs)
    assert rises(prevent_cvd_10y, "egfr", egfr, egfr - more, **inputs)
    for flag in ("smoker", "diabetes"):
        assert rises(prevent_cvd_10y, flag, 0, 1, **inputs)
