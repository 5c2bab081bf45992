"""Eligibility, units, categories and files: who gets a number, who a reason."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.scoring import categorise, score
from models.spec import every, find
from models.units import convert
from wellhouse.errors import WellhouseError

PERSON: dict[str, Any] = {
    "age_years": 50, "sex": "female", "total_cholesterol_mg_dl": 200, "hdl_cholesterol_mg_dl": 45, "sbp_mm_hg": 160,
    "bp_medication": 1, "diabetes": 1, "smoker": 0, "statin": 0, "bmi_kg_m2": 35, "egfr": 90,
}  # fmt: skip

SPECS = every()


def one(model: str, **changes: Any) -> pd.Series:
    return score(find(model), pd.DataFrame([PERSON | changes])).iloc[0]


@pytest.mark.parametrize(
    ("changes", "reason", "missing"),
    [
        ({"age_years": 29}, "age is outside 30 to 79 years", ""),
        ({"age_years": 80}, "age is outside 30 to 79 years", ""),
        ({"bmi_kg_m2": 40}, "body mass index is outside 18.5 to <40 kg/m2", ""),
        ({"egfr": 141}, "eGFR (CKD-EPI 2021) is outside 15 to 140 mL/min/1.73 m²", ""),
        ({"statin": None}, "statin is missing", "statin"),
        ({"sex": "unknown"}, "sex is not male or female", ""),
        ({"sbp_mm_hg": "high"}, "systolic blood pressure is not a number", ""),
        ({"sbp_mm_hg": "inf"}, "systolic blood pressure is not a number", ""),
        ({"smoker": 2}, "current smoker is not yes or no (1 or 0)", ""),
        ({"cvd_history": 1}, "for people without known cardiovascular disease only", ""),
        ({"egfr": None, "creatinine_mg_dl": None}, "eGFR (CKD-EPI 2021) or serum creatinine is missing",
         "egfr;creatinine_mg_dl"),
    ],
)  # fmt: skip
def test_no_number_without_a_right_to_one(changes: dict[str, Any], reason: str, missing: str) -> None:
    row = one("prevent_base_10y", **changes)
    assert not row["eligible"]
    assert np.isnan(row["risk_cvd"])
    assert (row["reason"], row["missing"], row["category"]) == (reason, missing, "")
    assert row["reason_zh"]


def test_limits_belong_to_the_range() -> None:
    for changes in ({"age_years": 30}, {"age_years": 79}, {"bmi_kg_m2": 18.5}, {"bmi_kg_m2": 39.9}, {"egfr": 15}):
        assert one("prevent_base_10y", **changes)["eligible"], changes


def test_egfr_is_computed_where_it_was_not_given() -> None:
    egfr = one("ckd_epi_2021", creatinine_mg_dl=1.0)["egfr"]
    computed = one("prevent_base_10y", egfr=None, creatinine_mg_dl=1.0)
    assert computed["risk_cvd"] == one("prevent_base_10y", egfr=egfr)["risk_cvd"]
    assert one("prevent_base_10y", egfr=None, creatinine_mg_dl=0.1)["reason"].startswith(
        "eGFR (CKD-EPI 2021) is outside"
    )
    assert not one("prevent_base_10y", creatinine_mg_dl=99)["eligible"]


def test_the_warehouse_s_units_give_the_same_risk() -> None:
    ours = {k: v for k, v in PERSON.items() if not k.endswith("_mg_dl")}
    ours |= {"total_cholesterol_mmol_l": 200 * 0.02586, "hdl_cholesterol_mmol_l": 45 * 0.02586}
    risk = score(find("prevent_base_10y"), pd.DataFrame([ours])).iloc[0]["risk_cvd"]
    assert risk == pytest.approx(one("prevent_base_10y")["risk_cvd"], rel=1e-12)


def test_conversion_is_per_indicator_and_turns_back() -> None:
    assert convert(np.array([88.4]), "CREA", "umol/L", "mg/dL") == pytest.approx(1)
    assert convert(convert(np.array([5.2]), "TC", "mmol/L", "mg/dL"), "TC", "mg/dL", "mmol/L") == pytest.approx(5.2)
    with pytest.raises(WellhouseError, match="no factor"):
        convert(np.array([1.0]), "AST", "furlong", "U/L")


@pytest.mark.parametrize(
    ("model", "value", "age", "code"),
    [
        ("fib_4", 1.29, 50, "low"), ("fib_4", 1.3, 50, "indeterminate"), ("fib_4", 1.99, 65, "low"),
        ("fib_4", 2.0, 65, "indeterminate"),
        ("fib_4", 2.67, 50, "indeterminate"), ("fib_4", 2.68, 50, "high"), ("ckd_epi_2021", 90, 50, "G1"),
        ("ckd_epi_2021", 89.9, 50, "G2"),
        ("ckd_epi_2021", 59.9, 50, "G3a"), ("ckd_epi_2021", 14.9, 50, "G5"), ("ckd_epi_2021", np.nan, 50, ""),
        ("prevent_base_10y", 0.05, 50, "borderline"), ("prevent_base_10y", 0.2, 50, "high"),
    ],
)  # fmt: skip
def test_categories(model: str, value: float, age: float, code: str) -> None:
    assert categorise(find(model), np.array([value]), {"age_years": np.array([age])})[0] == code


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(PERSON)), st.one_of(st.none(), st.floats(), st.text(max_size=5))))
def test_a_number_and_a_reason_exclude_each_other(changes: dict[str, Any]) -> None:
    for spec in SPECS:
        table = pd.DataFrame(
            [PERSON | {"creatinine_mg_dl": 1, "ast_u_l": 30, "alt_u_l": 30, "platelets_10_9_l": 200} | changes]
        )
        row = score(spec, table).iloc[0]
        assert (
            row["eligible"]
            == bool(np.isfinite(row[spec.output.name]))
            == (row["reason"] == "")
            == (row["reason_zh"] == "")
        )


def test_a_million_people_take_seconds() -> None:
    table = pd.DataFrame([PERSON]).loc[np.zeros(200_000, dtype=int)].reset_index(drop=True)
    start = time.perf_counter()
    score(find("prevent_base_10y"), table)
    assert time.perf_counter() - start < 6


def wellhouse(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("wellhouse")), *arguments]
    return subprocess.run(command, text=True, capture_output=True, check=False, cwd="/")


def test_risk_list_names_inputs_units_and_limits() -> None:
    listed = {entry["model"]: entry for entry in json.loads(wellhouse("risk", "list", "--json").stdout)}
    assert set(listed) == {spec.model for spec in SPECS}
    assert {"china_par", "ckd_epi_2021", "fib_4", "framingham_cvd", "kfre", "phq_9", "prevent_full_30y"} < set(listed)
    for entry in listed.values():
        assert {"version", "source", "inputs", "outputs"} <= set(entry)
        assert all({"name", "unit", "required", "min", "max"} <= set(i) for i in entry["inputs"])
        assert all({"name", "unit"} <= set(o) for o in entry["outputs"])
    assert [(i["min"], i["max"]) for i in listed["prevent_base_10y"]["inputs"] if i["name"] == "age_years"] == [
        (30, 79)
    ]


def test_risk_score_writes_a_row_for_each_row(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(
        "\ufeffage_years,sex,creatinine_mg_dl\n50,男,1.0\n,F,1.0\n50,F,NA\n50,f,abc\n70,1,1.5\n", encoding="utf-8"
    )
    done = wellhouse("risk", "score", "ckd_epi_2021", "--input", str(source), "--output", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(target.open(encoding="utf-8")))
    assert [row["eligible"] for row in rows] == ["true", "false", "false", "false", "true"]
    assert [row["egfr"][:5] for row in rows] == ["91.69", "", "", "", "49.77"]
    assert rows[0]["reason"] == ""
    assert rows[1]["reason"] == "age is missing"
    assert rows[3]["reason_zh"] == "血肌酐不是数字"


@pytest.mark.parametrize(
    ("model", "content", "code", "line"),
    [
        ("nonsense", "age_years\n1\n", 2, "unknown model 'nonsense'"),
        ("fib_4", None, 2, "no such file"),
        ("fib_4", "age_years\n1\n", 1, "missing column: ast_u_l, alt_u_l, platelets_10_9_l"),
        ("fib_4", "age_years,age_years\n1,1\n", 1, "there twice"),
        ("fib_4", "", 1, "not a CSV table"),
    ],
)
def test_what_cannot_be_scored_is_one_clear_line(
    tmp_path: Path, model: str, content: str | None, code: int, line: str
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    if content is not None:
        source.write_text(content)
    done = wellhouse("risk", "score", model, "--input", str(source), "--output", str(target))
    assert done.returncode == code
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert not target.exists()
