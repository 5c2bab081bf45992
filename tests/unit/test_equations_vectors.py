"""Published equations against their test vectors, to the precision these are printed with, and their directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.scoring import score
from models.spec import every, find

Row = dict[str, Any]


def one(model: str, **inputs: Any) -> pd.Series:
    return score(find(model), pd.DataFrame([inputs])).iloc[0]


def named(names: str, *values: Any) -> Row:
    return dict(zip(names.split(), values, strict=True))


CHINA_PAR: Row = {
    "sbp_mm_hg": 130, "bp_medication": 0, "total_cholesterol_mg_dl": 210, "hdl_cholesterol_mg_dl": 55, "waist_cm": 80,
    "smoker": 0, "diabetes": 1, "north": 1, "urban": 1, "family_history_cvd": 0,
}  # fmt: skip
PREVENT: Row = {
    "age_years": 50, "total_cholesterol_mg_dl": 200, "hdl_cholesterol_mg_dl": 45, "sbp_mm_hg": 160, "bp_medication": 1,
    "diabetes": 1, "smoker": 0, "bmi_kg_m2": 35, "egfr": 90, "statin": 0, "uacr_mg_g": 40, "hba1c_percent": 7.5,
}  # fmt: skip
POOLED: Row = {
    "age_years": 55, "total_cholesterol_mg_dl": 213, "hdl_cholesterol_mg_dl": 50, "sbp_mm_hg": 120, "bp_medication": 0,
    "smoker": 0, "diabetes": 0,
}  # fmt: skip
REGION = "SCORE2 risk region (a setting of the centre)"
SCORE2: Row = {
    "age_years": 50, "smoker": 1, "sbp_mm_hg": 140, "total_cholesterol_mmol_l": 5.5, "hdl_cholesterol_mmol_l": 1.3,
    "diabetes": 0,
}  # fmt: skip
LIPIDS = "age_years sex total_cholesterol_mg_dl hdl_cholesterol_mg_dl sbp_mm_hg bp_medication smoker diabetes"
OFFICE = "age_years sex bmi_kg_m2 sbp_mm_hg bp_medication smoker diabetes"
NFS = "age_years bmi_kg_m2 glucose_disorder ast_u_l alt_u_l platelets_10_9_l albumin_g_dl"
CDS = "sex age_years sbp_mm_hg bmi_kg_m2 waist_cm family_history_diabetes"
FINDRISC = (
    "age_years sex bmi_kg_m2 waist_cm active_30_min_daily vegetables_daily bp_medication high_glucose_history "
    "diabetes_in_family"
)
SYNDROME = "sex waist_cm fasting_glucose_mmol_l sbp_mm_hg dbp_mm_hg triglycerides_mmol_l hdl_cholesterol_mmol_l"
ACTIVITY: Row = {"vigorous_days": 0, "moderate_days": 0, "walking_days": 0}


@pytest.mark.parametrize(
    ("age", "sex", "paper", "printed"),
    [
        (40, "male", 2.2, 2.17), (50, "male", 5.4, 5.31), (60, "male", 11.0, 10.82),
        (40, "female", 2.4, 2.42), (50, "female", 5.4, 5.38), (60, "female", 10.1, 10.19),
    ],
)  # fmt: skip
def test_china_par(age: int, sex: str, paper: float, printed: float) -> None:
    percent = 100 * one("china_par", age_years=age, sex=sex, **CHINA_PAR)["risk"]
    assert round(percent, 2) == printed
    assert percent == pytest.approx(paper, abs=0.3)


@pytest.mark.parametrize(
    ("variant", "outcome", "expected"),
    [  # women 10 years, men 10, women 30, men 30
        ("base", "cvd", (0.1468, 0.1632, 0.5299, 0.5144)),
        ("base", "ascvd", (0.0920, 0.1019, 0.3543, 0.3486)),
        ("base", "hf", (0.0806, 0.1059, 0.3896, 0.4236)),
        ("uacr", "cvd", (0.1599, 0.1718, 0.5416, 0.5138)),
        ("uacr", "ascvd", (0.0994, 0.1097, 0.3632, 0.3549)),
        ("uacr", "hf", (0.0893, 0.1099, 0.4066, 0.4200)),
        ("hba1c", "cvd", (0.1359, 0.1551, 0.5006, 0.4911)),
        ("hba1c", "ascvd", (0.0835, 0.0937, 0.3224, 0.3175)),
        ("hba1c", "hf", (0.0806, 0.1013, 0.3892, 0.4106)),
        ("full", "cvd", (0.1501, 0.1623, 0.5125, 0.4881)),
        ("full", "ascvd", (0.0905, 0.0980, 0.3318, 0.3153)),
        ("full", "hf", (0.0886, 0.1039, 0.3965, 0.3980)),
    ],
)
def test_prevent(variant: str, outcome: str, expected: tuple[float, ...]) -> None:
    ours = [
        round(one(f"prevent_{variant}_{horizon}y", sex=sex, **PREVENT)[f"risk_{outcome}"], 4)
        for horizon in (10, 30)
        for sex in ("female", "male")
    ]
    assert ours == list(expected)


@pytest.mark.parametrize(
    ("sex", "ethnicity", "low", "high"),
    [("female", "white", 2.1, 2.1), ("female", "black", 3.0, 3.0), ("male", "white", 5.3, 5.4),
     ("male", "black", 6.1, 6.1)],
)  # fmt: skip
def test_pooled_cohort(sex: str, ethnicity: str, low: float, high: float) -> None:
    percent = round(100 * one("pooled_cohort", sex=sex, ethnicity=ethnicity, **POOLED)["risk"], 1)
    assert low <= percent <= high


def test_pooled_cohort_takes_the_white_row_for_everybody_else() -> None:
    risks = [one("pooled_cohort", sex="male", **POOLED | extra)["risk"] for extra in
             ({"ethnicity": "white"}, {"ethnicity": "other"}, {"ethnicity": None}, {})]  # fmt: skip
    assert len(set(risks)) == 1


# model, inputs, output, decimals printed, value printed
PRINTED: list[tuple[str, Row, str, int, float]] = [
    ("framingham_2008", named(LIPIDS, 61, "female", 180, 47, 124, 0, 1, 0), "risk", 4, 0.1048),
    ("framingham_2008", named(LIPIDS, 53, "male", 161, 55, 125, 1, 0, 1), "risk", 4, 0.1562),
    ("framingham_2008", named(LIPIDS, 55, "male", 213, 50, 140, 0, 0, 0), "risk", 4, 0.1353),
    ("framingham_2008_office", named(OFFICE, 35, "female", 24.3, 122, 0, 1, 0), "risk", 4, 0.0294),
    *(
        (model, SCORE2 | {"sex": sex, "risk_region": region}, "risk", 4, value)
        for model, region, men, women in (
            ("score2", "low", 0.0591, 0.0422), ("score2", "moderate", 0.0756, 0.0507),
            ("score2", "very_high", 0.1405, 0.1370), ("score2_asia_pacific", "low", 0.1026, 0.0575),
            ("score2_asia_pacific", "moderate", 0.1226, 0.0882),
        )
        for sex, value in (("male", men), ("female", women))
    ),
    *(
        ("ckd_epi_2021", named("sex age_years creatinine_mg_dl", *inputs), "egfr", 2, value)
        for *inputs, value in (
            ("male", 50, 1.0, 91.69), ("female", 50, 1.0, 68.63), ("female", 30, 0.6, 123.76), ("male", 70, 1.5, 49.77)
        )
    ),
    *(
        ("kfre", named("sex age_years egfr uacr_mg_g", *inputs), output, digits, value)
        for inputs, output, digits, value in (
            (("male", 65, 19, 30), "risk_2y", 6, 0.063123), (("male", 65, 19, 30), "risk_5y", 6, 0.223128),
            (("female", 70, 50, 35), "risk_2y", 5, 0.00155), (("female", 70, 50, 35), "risk_5y", 6, 0.005987),
            (("female", 56.88, 15, 1762.04), "risk_5y", 4, 0.9009),
        )
    ),
    *(
        ("fib_4", named("age_years ast_u_l alt_u_l platelets_10_9_l", *inputs), "fib4", 4, value)
        for *inputs, value in ((50, 40, 40, 200, 1.5811), (65, 80, 50, 120, 6.1283), (35, 20, 25, 250, 0.5600))
    ),
    *(
        ("nafld_fibrosis", named(NFS, *inputs), "nafld_fibrosis_score", 3, value)
        for *inputs, value in (
            (50, 30, 1, 40, 40, 200, 4.0, -0.125), (40, 24, 0, 20, 30, 250, 4.5, -3.499),
            (65, 33, 1, 80, 50, 120, 3.5, 2.676),
        )
    ),
    *(
        ("chinese_diabetes", named(CDS, *inputs), "points", 0, value)
        for *inputs, value in (
            ("male", 45, 135, 25, 88, 0, 30), ("female", 30, 105, 21, 68, 0, 4), ("male", 66, 165, 31, 100, 1, 51)
        )
    ),
    *(
        ("findrisc", named(FINDRISC, *inputs), "points", 0, value)
        for *inputs, value in (
            (30, "male", 22, 80, 1, 1, 0, 0, "none", 0), (70, "female", 35, 99, 0, 0, 1, 1, "first_degree", 26),
            (50, "male", 27, 98, 0, 1, 0, 0, "none", 8),
        )
    ),
    ("homa_ir", {"fasting_glucose_mmol_l": 5.0, "insulin_mu_l": 9.0}, "homa_ir", 2, 2.00),
    *(
        ("ipaq_sf", ACTIVITY | activity, "met_min_week", 6, value)
        for activity, value in (
            ({"walking_days": 5, "walking_min": 30}, 495), ({"vigorous_days": 4, "vigorous_min": 60}, 1920),
            ({"walking_days": 3, "walking_min": 20}, 198),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "inputs", "output", "digits", "printed"), PRINTED)
def test_printed_value(model: str, inputs: Row, output: str, digits: int, printed: float) -> None:
    row = one(model, **inputs)
    assert row["eligible"], row["reason"]
    assert round(float(row[output]), digits) == printed


SLEEPS_WELL: Row = {
    "psqi_latency_min": 10, "psqi_hours_slept": 7.5, "psqi_hours_in_bed": 8, "psqi_quality": 0, "psqi_medication": 0,
    "psqi_sleepiness": 0, "psqi_enthusiasm": 0, **{f"psqi_5{letter}": 0 for letter in "abcdefghij"},
}  # fmt: skip
SLEEPS_BADLY: Row = {
    "psqi_latency_min": 61, "psqi_hours_slept": 4.9, "psqi_hours_in_bed": 9, "psqi_quality": 3, "psqi_medication": 3,
    "psqi_sleepiness": 3, "psqi_enthusiasm": 3, **{f"psqi_5{letter}": 3 for letter in "abcdefghij"},
}  # fmt: skip

# model, inputs, category
CLASSED: list[tuple[str, Row, str]] = [
    ("ipaq_sf", ACTIVITY | {"walking_days": 5, "walking_min": 30}, "moderate"),
    ("ipaq_sf", ACTIVITY | {"vigorous_days": 4, "vigorous_min": 60}, "high"),
    ("ipaq_sf", ACTIVITY | {"walking_days": 3, "walking_min": 20}, "low"),
    ("ipaq_sf", ACTIVITY | {"walking_days": 7, "walking_min": 9}, "low"),
    ("metabolic_syndrome_cds_2020", named(SYNDROME, "male", 92, 6.3, 128, 80, 1.8, 1.1), "present"),
    ("metabolic_syndrome_cds_2020", named(SYNDROME, "female", 84, 5.5, 132, 80, 1.2, 1.2), "absent"),
    ("metabolic_syndrome_cds_2020", named(SYNDROME, "female", 86, 6.1, 120, 86, 1.0, 1.5), "present"),
    ("metabolic_syndrome_idf_2005", named(SYNDROME, "female", 79, 6.1, 140, 90, 2.0, 1.0), "absent"),
    ("metabolic_syndrome_idf_2005", named(SYNDROME, "female", 80, 6.1, 140, 80, 1.0, 1.5), "present"),
    ("hypertension_grade", {"sbp_mm_hg": 150, "dbp_mm_hg": 85}, "grade_1"),
    ("hypertension_grade", {"sbp_mm_hg": 138, "dbp_mm_hg": 102}, "grade_2"),
    ("hypertension_grade", {"sbp_mm_hg": 182, "dbp_mm_hg": 95}, "grade_3"),
    ("hypertension_grade", {"sbp_mm_hg": 119, "dbp_mm_hg": 79}, "normal"),
    ("bmi_wst_428", {"bmi_kg_m2": 23.95}, "normal"),
    ("bmi_wst_428", {"bmi_kg_m2": 24.0}, "overweight"),
    ("bmi_wst_428", {"height_cm": 170, "weight_kg": 90}, "obese"),
    ("central_obesity_wst_428", {"sex": "male", "waist_cm": 90}, "present"),
    ("central_obesity_wst_428", {"sex": "female", "waist_cm": 84.9}, "absent"),
    ("kdigo_risk", {"egfr": 95, "uacr_mg_g": 29}, "green"),
    ("kdigo_risk", {"egfr": 59, "uacr_mg_g": 10}, "yellow"),
    ("kdigo_risk", {"egfr": 61, "uacr_mg_g": 301}, "orange"),
    ("kdigo_risk", {"egfr": 50, "uacr_mg_g": 300}, "orange"),
    ("kdigo_risk", {"egfr": 44, "uacr_mg_g": 300}, "red"),
    ("kdigo_risk", {"egfr": 14, "uacr_mg_g": 1}, "red"),
    ("audit_c", {"sex": "male", "auditc_1": 1, "auditc_2": 1, "auditc_3": 1}, "negative"),
    ("audit_c", {"sex": "female", "auditc_1": 1, "auditc_2": 1, "auditc_3": 1}, "positive"),
    ("phq_2", {"phq9_1": 1, "phq9_2": 2}, "positive"),
    ("gad_2", {"gad7_1": 1, "gad7_2": 1}, "negative"),
    ("phq_9", {f"phq9_{i}": 2 for i in range(1, 10)}, "moderately_severe"),
    ("gad_7", {f"gad7_{i}": 2 for i in range(1, 8)}, "moderate"),
    ("phq_9_item_9", {"phq9_9": 1}, "alert"),
    ("psqi", SLEEPS_WELL, "good"),
    ("psqi", SLEEPS_BADLY, "poor_cn"),
    ("kfre", named("sex age_years egfr uacr_mg_g", "male", 65, 19, 30), "refer"),
    ("score2", SCORE2 | {"sex": "male", "risk_region": "low"}, "intermediate"),
    ("score2", SCORE2 | {"sex": "male", "risk_region": "low", "age_years": 49}, "intermediate"),
    ("china_par", CHINA_PAR | {"age_years": 60, "sex": "male"}, "high"),
]


@pytest.mark.parametrize(("model", "inputs", "category"), CLASSED)
def test_category(model: str, inputs: Row, category: str) -> None:
    assert one(model, **inputs)["category"] == category


def test_the_rest_of_the_vectors() -> None:
    assert one("hypertension_grade", sbp_mm_hg=150, dbp_mm_hg=85)["isolated_systolic"] == 1
    assert one("hypertension_grade", sbp_mm_hg=138, dbp_mm_hg=102)["isolated_systolic"] == 0
    components = [
        one("metabolic_syndrome_cds_2020", **named(SYNDROME, *person))["components"]
        for person in (("male", 92, 6.3, 128, 80, 1.8, 1.1), ("female", 84, 5.5, 132, 80, 1.2, 1.2),
                       ("female", 86, 6.1, 120, 86, 1.0, 1.5))
    ]  # fmt: skip
    assert components == [3, 1, 3]
    assert one("psqi", **SLEEPS_BADLY)["score"] == 21
    assert one("psqi", **SLEEPS_WELL)["score"] == 0


def test_few_missing_items_are_scaled_many_refused() -> None:
    assert one("phq_9", **{f"phq9_{i}": 1 for i in range(1, 8)})["score"] == 9
    refused = one("phq_9", **{f"phq9_{i}": 1 for i in range(1, 7)})
    assert not refused["eligible"]
    assert refused["missing"] == "phq9_7;phq9_8;phq9_9"
    assert one("gad_7", **{f"gad7_{i}": 2 for i in range(1, 7)})["score"] == 14
    assert not one("gad_7", **{f"gad7_{i}": 2 for i in range(1, 6)})["eligible"]


@pytest.mark.parametrize(
    ("model", "inputs", "reason"),
    [
        ("china_par", CHINA_PAR | {"sex": "male", "age_years": 75}, "age is outside 35 to 74 years"),
        ("china_par", CHINA_PAR | {"sex": "male", "age_years": 50, "urban": None}, "lives in a city is missing"),
        ("china_par", CHINA_PAR | {"sex": "male", "age_years": 50, "cvd_history": 1},
         "for people without known cardiovascular disease only"),
        ("prevent_base_30y", PREVENT | {"sex": "male", "age_years": 60}, "age is outside 30 to 59 years"),
        ("score2", SCORE2 | {"sex": "male"}, f"{REGION} is missing"),
        ("score2", SCORE2 | {"sex": "male", "risk_region": "Atlantis"}, f"{REGION} is not one of the known values"),
        ("kfre", {"sex": "male", "age_years": 60, "egfr": 60, "uacr_mg_g": 30},
         "eGFR (CKD-EPI 2021) is outside 1 to <60 mL/min/1.73 m²"),
        ("nafld_fibrosis", named(NFS, 50, 30, 1, 40, 40, 200, 40), "serum albumin is outside 1 to 7 g/dL"),
        ("phq_9", {f"phq9_{i}": 1 for i in range(1, 9)} | {"phq9_9": 1.5}, "PHQ-9 item 9 is not a whole number"),
        ("phq_9", {f"phq9_{i}": 1 for i in range(1, 9)} | {"phq9_9": 4}, "PHQ-9 item 9 is outside 0 to 3 {score}"),
        ("ipaq_sf", ACTIVITY | {"walking_days": 7, "walking_min": 961}, "more than 960 minutes of activity a day"),
        ("ipaq_sf", ACTIVITY | {"walking_days": 7}, "minutes of walking a day is missing"),
        ("hypertension_grade", {"sbp_mm_hg": 80, "dbp_mm_hg": 90}, "diastolic is not below systolic blood pressure"),
    ],
)  # fmt: skip
def test_refused(model: str, inputs: Row, reason: str) -> None:
    row = one(model, **inputs)
    assert not row["eligible"]
    assert row["reason"] == reason
    assert row["reason_zh"]
    assert row[[output.name for output in find(model).outputs]].isna().all()


def test_women_need_neither_city_nor_family_history_for_china_par() -> None:
    person = CHINA_PAR | {"sex": "female", "age_years": 50, "urban": None, "family_history_cvd": None}
    assert one("china_par", **person)["eligible"]


def test_prevent_coefficients_are_the_shared_table(shared_data: Path) -> None:
    table = pd.read_csv(shared_data.parent / "clinical" / "prevent_coefficients.csv").drop_duplicates()
    for (variant, years, sex, outcome), rows in table.groupby(["model", "horizon_years", "sex", "outcome"]):
        ours = find(f"prevent_{variant}_{years}y").coefficients()[outcome]["female" if sex == "F" else "male"]
        assert ours == dict(zip(rows["term"], rows["coefficient"], strict=True))


def test_columns_give_what_single_values_give() -> None:
    people = pd.DataFrame(
        [PREVENT | {"sex": sex, "sbp_mm_hg": sbp} for sex in ("male", "female") for sbp in (100, 170)]
    )
    together = score(find("prevent_full_10y"), people)["risk_cvd"].tolist()
    assert together == [one("prevent_full_10y", **row)["risk_cvd"] for row in people.to_dict("records")]


def test_every_model_has_texts_in_both_languages_and_a_card() -> None:
    for spec in every():
        assert (spec.folder / "CARD.md").is_file(), spec.model
        texts = [t for x in (*spec.inputs, *spec.outputs, *spec.categories) for t in (x.name_en, x.name_zh)]
        assert all(texts), spec.model


SEXES = st.sampled_from(["male", "female"])
PERSON: Row = {
    **CHINA_PAR, "uacr_mg_g": 40, "hba1c_percent": 7.5, "statin": 0, "egfr": 55, "risk_region": "moderate",
    "total_cholesterol_mmol_l": 5.4, "hdl_cholesterol_mmol_l": 1.4, "bmi_kg_m2": 26, "diabetes": 0, "north": 0,
}  # fmt: skip
CARDIOVASCULAR = ["china_par", "prevent_base_10y", "prevent_full_10y", "pooled_cohort", "framingham_2008",
                  "framingham_2008_office", "score2", "score2_asia_pacific"]  # fmt: skip


def rises(model: str, name: str, low: Any, high: Any, person: Row) -> bool:
    both = score(find(model), pd.DataFrame([person | {name: low}, person | {name: high}]))
    assert both["eligible"].all(), both["reason"].tolist()
    first, second = both[find(model).output.name]
    return bool(first <= second + 1e-12)


@settings(deadline=None, max_examples=40)
@given(SEXES, st.floats(40, 68), st.floats(110, 180), st.floats(0.1, 15))
@pytest.mark.parametrize("model", CARDIOVASCULAR)
def test_cardiovascular_risk_rises(model: str, sex: str, age: float, sbp: float, more: float) -> None:
    person = PERSON | {"sex": sex, "age_years": age, "sbp_mm_hg": sbp}
    assert rises(model, "age_years", age, age + min(more / 15, 1), person)
    assert rises(model, "sbp_mm_hg", sbp, sbp + more, person)
    if model != "china_par" or sex == "female" or age < 60:  # ln(age) x smoker: its effect fades with age
        assert rises(model, "smoker", 0, 1, person)
    assert rises(model, "diabetes", 0, 1, person)


@settings(deadline=None, max_examples=40)
@given(SEXES, st.floats(35, 79), st.floats(0.1, 29), st.floats(0.01, 1))
def test_egfr_falls_with_creatinine_and_age(sex: str, age: float, creatinine: float, more: float) -> None:
    person = {"sex": sex, "age_years": age, "creatinine_mg_dl": creatinine}
    assert rises("ckd_epi_2021", "creatinine_mg_dl", creatinine + more, creatinine, person)
    assert rises("ckd_epi_2021", "age_years", age + more, age, person)


@settings(deadline=None, max_examples=40)
@given(SEXES, st.floats(18, 90), st.floats(5, 58), st.floats(1, 3000), st.floats(0.1, 1))
def test_kidney_failure_comes_with_low_filtration_and_albumin(
    sex: str, age: float, egfr: float, uacr: float, more: float
) -> None:
    person = {"sex": sex, "age_years": age, "egfr": egfr, "uacr_mg_g": uacr}
    assert rises("kfre", "egfr", egfr + more, egfr, person)
    assert rises("kfre", "uacr_mg_g", uacr, uacr * (1 + more), person)
    assert rises("kdigo_risk", "uacr_mg_g", uacr, uacr * (1 + more), person)


@settings(deadline=None, max_examples=40)
@given(st.floats(35, 79), st.floats(1, 500), st.floats(1, 500), st.floats(10, 900), st.floats(0.1, 40))
def test_fib_4_rises_with_age_and_ast_and_falls_with_platelets_and_alt(
    age: float, ast: float, alt: float, platelets: float, more: float
) -> None:
    inputs = {"age_years": age, "ast_u_l": ast, "alt_u_l": alt, "platelets_10_9_l": platelets}
    for name, sign in (("age_years", 1), ("ast_u_l", 1), ("alt_u_l", -1), ("platelets_10_9_l", -1)):
        low, high = (inputs[name], inputs[name] + more)[::sign]
        assert rises("fib_4", name, low, high, inputs)


@settings(deadline=None, max_examples=40)
@given(SEXES, st.floats(20, 74), st.floats(90, 200), st.floats(16, 45), st.floats(60, 120), st.floats(0, 10))
def test_diabetes_points_rise(sex: str, age: float, sbp: float, bmi: float, waist: float, more: float) -> None:
    person = {"sex": sex, "age_years": age, "sbp_mm_hg": sbp, "bmi_kg_m2": bmi, "waist_cm": waist,
              "family_history_diabetes": 0}  # fmt: skip
    for name in ("sbp_mm_hg", "bmi_kg_m2", "waist_cm"):
        assert rises("chinese_diabetes", name, person[name], person[name] + more, person)
    assert rises("chinese_diabetes", "family_history_diabetes", 0, 1, person)


def test_extreme_but_possible_people_have_finite_risks() -> None:
    people = pd.DataFrame(
        [PERSON | {"sex": sex, "age_years": age, "sbp_mm_hg": sbp, "smoker": 1, "diabetes": 1}
         for sex in ("male", "female") for age in (40, 59, 69) for sbp in (90, 200)]
    )  # fmt: skip
    for model in CARDIOVASCULAR:
        risks = score(find(model), people)["risk_cvd" if model.startswith("prevent") else "risk"].to_numpy()
        assert np.isfinite(risks).all()
        assert ((risks > 0) & (risks < 1)).all()
