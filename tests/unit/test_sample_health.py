"""The made-up people are plausible: levels by age and sex, variation, treatment, diagnoses."""

from __future__ import annotations

import numpy as np
import pytest

from wellhouse.sample import course, generate, panel, people
from wellhouse.sample.course import Course
from wellhouse.sample.people import Flags, Floats, People

COUNT, YEARS = 3000, 6


@pytest.fixture(scope="module")
def persons() -> People:
    return people.draw(COUNT, YEARS, generate.stream(5, "people"))


@pytest.fixture(scope="module")
def lives(persons: People) -> Course:
    return course.simulate(persons, generate.stream(5, "course"))


@pytest.fixture(scope="module")
def values(persons: People, lives: Course) -> dict[str, Floats]:
    return panel.measure(persons, lives, generate.stream(5, "panel"))[0]


def mean(values: Floats, where: Flags) -> float:
    return float(np.nanmean(values[where]))


def test_people_come_most_years_and_seldom_move(persons: People) -> None:
    assert 0.82 < persons.attends.mean() < 0.88
    assert persons.attends.any(axis=1).all()
    moved = (persons.site[:, 0] != persons.site[:, -1]).mean()
    assert 0.01 < moved < 0.05
    assert len(set(persons.id_number)) == COUNT


@pytest.mark.parametrize(
    ("code", "low", "high"),
    [
        ("BMI", 22, 25), ("SBP", 115, 130), ("DBP", 68, 80), ("FPG", 5.0, 5.7), ("HBA1C", 5.2, 5.8), ("TC", 4.5, 5.1),
        ("TG", 1.2, 1.8), ("HDLC", 1.2, 1.5), ("LDLC", 2.5, 3.1), ("UA", 280, 350), ("CREA", 60, 76), ("ALT", 17, 26),
        ("AST", 18, 25), ("HGB", 135, 150), ("PLT", 215, 250), ("WAIST", 75, 86), ("TSH", 1.6, 2.6), ("MCV", 86, 94),
    ],
)  # fmt: skip
def test_levels_are_those_of_chinese_adults(values: dict[str, Floats], code: str, low: float, high: float) -> None:
    assert low < np.nanmean(values[code]) < high


def test_pressure_glucose_and_cholesterol_rise_with_age(values: dict[str, Floats], lives: Course) -> None:
    for code, least in (("SBP", 10), ("FPG", 0.4), ("LDLC", 0.2), ("HBA1C", 0.2)):
        assert mean(values[code], lives.age > 60) - mean(values[code], lives.age < 40) > least, code


def test_men_and_women_differ(values: dict[str, Floats], persons: People) -> None:
    for code, least in (("HGB", 15), ("CREA", 14), ("UA", 60), ("HEIGHT", 9)):
        assert np.nanmean(values[code][persons.male]) - np.nanmean(values[code][~persons.male]) > least, code
    assert np.nanmean(values["HDLC"][persons.male]) < np.nanmean(values["HDLC"][~persons.male])


def test_a_person_varies_less_than_people_do(values: dict[str, Floats]) -> None:
    for code, low, high in (("SBP", 0.03, 0.08), ("TC", 0.03, 0.09), ("TG", 0.15, 0.30), ("HDLC", 0.04, 0.13)):
        steps = np.diff(np.log(values[code]), axis=1)
        within = np.nanstd(steps) / np.sqrt(2)
        assert low < within < high, code
        assert within < np.nanstd(np.log(values[code])), code


def test_indicators_go_together(values: dict[str, Floats]) -> None:
    def correlation(a: str, b: str) -> float:
        known = ~np.isnan(values[a]) & ~np.isnan(values[b])
        return float(np.corrcoef(values[a][known], values[b][known])[0, 1])

    assert correlation("BMI", "SBP") > 0.25
    assert correlation("SBP", "DBP") > 0.5
    assert correlation("FPG", "HBA1C") > 0.8
    assert correlation("TG", "HDLC") < -0.25
    assert correlation("TC", "LDLC") > 0.8


def test_treatment_lowers_what_it_treats(values: dict[str, Floats], lives: Course) -> None:
    for taken, code, least in ((lives.bp_medication, "SBP", 6), (lives.statin, "LDLC", 0.6)):
        before_first = ~taken[:, :-1] & taken[:, 1:]
        change = values[code][:, 1:] - values[code][:, :-1]
        assert np.nanmean(change[before_first]) < -least, code


def test_a_finished_programme_helps(values: dict[str, Floats], lives: Course) -> None:
    seen_through = lives.finished[:, :-1]
    others = (values["BMI"][:, :-1] >= 27.5) & (lives.programme[:, :-1] < 0)
    change = np.diff(values["BMI"], axis=1)
    assert np.nanmean(change[seen_through]) < np.nanmean(change[others]) - 0.3


def test_diagnoses_are_as_common_as_in_cities(lives: Course) -> None:
    assert 0.10 < lives.hypertension[:, -1].mean() < 0.35
    assert 0.05 < lives.diabetes[:, -1].mean() < 0.18
    assert 0.005 < lives.cvd[:, -1].mean() < 0.08
    for flag in (lives.hypertension, lives.diabetes, lives.cvd, lives.bp_medication):
        assert (flag[:, 1:] >= flag[:, :-1]).all()  # once diagnosed, always


def test_kidneys_fail_as_often_as_in_health_checks(persons: People, lives: Course, values: dict[str, Floats]) -> None:
    """eGFR under 60 (CKD-EPI 2021): 1.2 % at 50-59, 3.1 % at 60-69, 13 % from 70 (Zhuang 2022)."""
    scaled = values["CREA"] / np.where(persons.male, 79.6, 61.9)[:, None]
    shape = np.where(persons.male, -0.302, -0.241)[:, None]
    egfr = 142 * np.minimum(scaled, 1) ** shape * np.maximum(scaled, 1) ** -1.2 * 0.9938**lives.age
    egfr = egfr * np.where(persons.male, 1, 1.012)[:, None]
    low, known = egfr < 60, ~np.isnan(egfr)
    for of, least, most in ((50, 0.005, 0.025), (60, 0.015, 0.055), (70, 0.08, 0.19)):
        band = known & (lives.age >= of) & (lives.age < (of + 10 if of < 70 else 200))
        assert least < low[band].mean() < most, of


def test_a_third_of_people_with_diabetes_know(persons: People, lives: Course) -> None:
    """Wang 2021: 36.7 % aware, nine in ten of them treated; a centre that calls people yearly finds some more."""
    sick = lives.diabetes & persons.attends
    assert 0.28 < lives.diabetes_known[sick].mean() < 0.55
    assert not lives.diabetes_known[~lives.diabetes].any()
    assert 0.7 < lives.glucose_medication[lives.diabetes_known & persons.attends].mean() < 1
