"""All indicators of each exam: the course of a life from ``course``, and the laboratory values that go with it."""

from __future__ import annotations

import numpy as np

from wellhouse.sample.course import CURRENT, Course
from wellhouse.sample.indicators import BY_CODE, INDICATORS
from wellhouse.sample.people import Flags, Floats, Ints, People

PACKAGES = ("基础套餐", "标准套餐", "深度套餐")


def measure(
    people: People, course: Course, rng: np.random.Generator, missing: float = 0.02
) -> tuple[dict[str, Floats], Ints]:
    """(code → [P, Y] values in the dictionary's own units, NaN where not measured; package of each exam [P, Y]).

    Ordinal results are 0 to 4. ``missing``: the share of absent cells; 0 also gives everybody every indicator.
    """
    shape = people.site.shape
    usual = rng.choice(len(PACKAGES), len(people), p=[0.3, 0.5, 0.2])
    package = np.minimum(usual[:, None] + (rng.random(shape) < 0.08), len(PACKAGES) - 1)
    values = {**course.values, **_chemistry(people, course, rng), **_blood(people, course, rng), **_urine(course, rng)}
    for indicator in INDICATORS:
        absent = rng.random(shape) < missing
        if indicator.deep and missing:
            absent |= package < (1 if indicator.code in ("HBA1C", "TSH") else 2)
        values[indicator.code] = np.where(absent, np.nan, values[indicator.code])
    return values, package


def abnormal(code: str, values: Floats, male: Flags) -> Ints:
    """-1 below, 1 above, 0 within the printed interval or not measured; ``values`` and ``male`` of one shape."""
    indicator = BY_CODE[code]
    low = np.where(male, indicator.male[0], indicator.female[0])
    high = np.where(male, indicator.male[1], indicator.female[1])
    return (values > high).astype(np.int64) - (values < low)


def _person(mean: Floats | float, sd: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """A level of each person's own, [P, 1]."""
    drawn: Floats = mean + rng.normal(0, sd, (shape[0], 1))
    return drawn


def _varied(level: Floats, cv: float, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Within-person variation with this coefficient, log-normal."""
    varied: Floats = level * np.exp(rng.normal(0, cv, shape))
    return varied


def _chemistry(people: People, course: Course, rng: np.random.Generator) -> dict[str, Floats]:
    shape = people.site.shape
    male, age = people.male[:, None], course.age
    heavy = course.values["BMI"] - 24
    drinks = (course.drinks == 2)[:, None]
    liver, kidney = course.latent["liver"][:, None], course.latent["kidney"][:, None]
    failing = _failing(male, age, kidney)
    alt = np.exp(np.where(male, 3.05, 2.75) + 0.05 * heavy + 0.38 * liver + 0.1 * drinks)
    tp, alb = _person(74, 2.8, shape, rng), _person(46.5, 1.6, shape, rng) - 0.05 * (age - 45)
    protein = np.round(_varied(tp, 0.02, rng, shape), 1)
    albumin = np.round(_varied(alb, 0.02, rng, shape), 1)
    return {
        "HR": np.clip(_varied(_person(72.0, 6, shape, rng) + 0.4 * heavy, 0.06, rng, shape), 42, 130),
        "UA": _varied(
            np.maximum(np.where(male, 355, 268) + 7 * heavy + _person(0, 45, shape, rng), 120), 0.08, rng, shape
        ),
        "CREA": _varied(
            (np.where(male, 77, 58) * (1 + 0.0022 * (age - 45)) + 7 * kidney) * np.exp(0.6 * failing), 0.045, rng, shape
        ),
        "UREA": _varied(
            _person(4.9, 0.7, shape, rng) + 0.025 * (age - 45) + 0.2 * kidney + 4 * failing, 0.12, rng, shape
        ),
        "ALT": np.maximum(_varied(alt, 0.18, rng, shape), 5),
        "AST": np.maximum(_varied(12 + 0.42 * alt, 0.12, rng, shape), 8),
        "GGT": np.maximum(
            _varied(
                np.exp(np.where(male, 3.15, 2.65) + 0.045 * heavy + 0.48 * liver + 0.35 * drinks), 0.12, rng, shape
            ),
            6,
        ),
        "ALP": _varied(_person(70, 12, shape, rng).clip(35) + 0.3 * (age - 45), 0.06, rng, shape),
        "TBIL": _varied(np.exp(_person(2.45, 0.3, shape, rng)), 0.2, rng, shape),
        "TP": protein,
        "ALB": albumin,
        "GLB": protein - albumin,
        "TSH": _varied(np.exp(_person(0.6, 0.45, shape, rng)), 0.18, rng, shape),
        "HCY": _varied(np.exp(_person(np.where(male, 2.45, 2.2), 0.22, shape, rng)), 0.08, rng, shape),
        "AFP": np.maximum(_varied(np.exp(_person(0.95, 0.4, shape, rng)), 0.15, rng, shape), 0.3),
        "CEA": np.maximum(
            _varied(np.exp(_person(0.5, 0.5, shape, rng) + 0.2 * (course.smoking == CURRENT)), 0.15, rng, shape), 0.2
        ),
    }


def _failing(male: Flags, age: Floats, kidney: Floats) -> Floats:
    """How far a kidney has failed, 0 for most: so that an eGFR under 60 is as frequent as in 9.5 million people of
    Chinese health checks, 1.2 % at 50-59, 3.1 % at 60-69, 13 % from 70, women more often (Zhuang Z, Clin Kidney J
    2022;15:2228-2236).
    """
    from_level = 2.3 - 0.038 * (age - 45) - 0.031 * np.maximum(age - 65, 0) + np.where(male, 0.12, -0.12)
    failing: Floats = np.maximum(kidney - from_level, 0)
    return failing


def _blood(people: People, course: Course, rng: np.random.Generator) -> dict[str, Floats]:
    shape = people.site.shape
    male = people.male[:, None]
    hgb = _varied(_person(np.where(male, 152, 131), 8, shape, rng), 0.028, rng, shape)
    volume = _varied(_person(90.5, 3.6, shape, rng), 0.008, rng, shape)
    hct = hgb * 0.295 * np.exp(rng.normal(0, 0.008, shape))
    rbc = hct * 10 / volume
    neutrophils = np.clip(_person(57, 6, shape, rng) + rng.normal(0, 5, shape), 25, 88)
    return {
        "WBC": _varied(np.exp(_person(1.74, 0.16, shape, rng) + 0.13 * (course.smoking == CURRENT)), 0.11, rng, shape),
        "RBC": rbc,
        "HGB": hgb,
        "HCT": hct,
        "MCV": volume,
        "MCH": hgb / rbc,
        "PLT": _varied(_person(232, 42, shape, rng).clip(90), 0.07, rng, shape),
        "NEUTP": neutrophils,
        "LYMP": np.clip(91 - neutrophils + rng.normal(0, 2, shape), 5, 65),
    }


def _urine(course: Course, rng: np.random.Generator) -> dict[str, Floats]:
    shape = course.age.shape
    glucose = course.values["FPG"]

    def strip(chance: Floats | float) -> Floats:
        """0 mostly; a positive one is seldom more than 1."""
        grade = 1 + np.minimum(rng.geometric(0.55, shape) - 1, 3)
        return np.where(rng.random(shape) < chance, grade, 0).astype(np.float64)

    return {
        "URPH": np.round(np.clip(rng.normal(6.1, 0.6, shape), 5, 8) * 2) / 2,
        "URPRO": strip(0.02 + 0.05 * course.hypertension + 0.08 * course.diabetes),
        "URGLU": strip(np.where(glucose > 9.5, 0.75, 0.005)),
        "URKET": strip(0.02),
        "URBLD": strip(0.04),
    }
