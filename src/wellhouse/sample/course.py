"""How a person's health moves over the years: weight, pressure, glucose, lipids; what is diagnosed and treated.

Sizes follow what is usual in adults of Chinese cities. Diabetes: a tenth have it, a third of them know (Wang L, JAMA
2021;326:2498-2506). Within-person variation follows the coefficients of the EFLM
Biological Variation Database (systolic pressure about 5 %, total cholesterol 5 %, triglycerides 20 %, glucose 5 %).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellhouse.sample.people import Flags, Floats, Ints, People

NEVER, FORMER, CURRENT = 0, 1, 2
_LATENTS = ("adiposity", "pressure", "cholesterol", "triglycerides", "glucose", "kidney", "liver")
_CORRELATION = 0.25
_EARLIER = 6
"""Years lived before the first exam, so that it finds diagnoses and treatments."""
PROGRAMMES = ("体重管理", "血压管理", "血糖管理", "血脂管理")


@dataclass(frozen=True)
class Course:
    """P persons over Y years; every array is [P, Y] but ``latent`` [P], ``drinks`` [P] and ``family_history`` [P].

    ``values``: measured mmHg, mmol/L, %, cm, kg. ``programme``: index into PROGRAMMES of what begins after this exam,
    or -1. ``finished``: whether it is seen through.
    """

    age: Floats
    latent: dict[str, Floats]
    values: dict[str, Floats]
    smoking: Ints
    drinks: Ints
    family_history: Flags
    exercise_days: Ints
    salty: Ints
    hypertension: Flags
    diabetes: Flags
    diabetes_known: Flags
    cvd: Flags
    bp_medication: Flags
    statin: Flags
    glucose_medication: Flags
    programme: Ints
    finished: Flags


class _State:
    """What one year leaves to the next; arrays [P]."""

    def __init__(self, count: int, smoking: Ints) -> None:
        self.walk = np.zeros(count)
        self.benefit = np.zeros(count)
        self.smoking = smoking
        self.enrolled = np.zeros(count, bool)
        self.flags = {
            name: np.zeros(count, bool)
            for name in (
                "hypertension",
                "diabetes",
                "diabetes_known",
                "cvd",
                "bp_medication",
                "statin",
                "glucose_medication",
            )
        }


def simulate(people: People, rng: np.random.Generator) -> Course:
    """What a person is like on each exam day; some years before the first bring what people come with."""
    count, years = people.site.shape
    age = (people.exam_date - people.birth[:, None]).astype(np.float64) / 365.25
    latent = _latents(count, rng)
    male = people.male
    smoking = np.where(rng.random(count) < np.where(male, 0.45, 0.03), CURRENT, NEVER)
    smoking[(smoking == CURRENT) & (rng.random(count) < 0.2)] = FORMER
    fixed = {
        "drinks": np.where(male, rng.choice(3, count, p=[0.35, 0.4, 0.25]), rng.choice(3, count, p=[0.75, 0.22, 0.03])),
        "salty": rng.choice(3, count, p=[0.3, 0.45, 0.25]),
        "height": np.where(male, rng.normal(171.5, 6.2, count), rng.normal(159.8, 5.6, count)),
    }
    family = rng.random(count) < 0.16
    exercise = np.clip(rng.poisson(1.2 + (age[:, :1] > 55), (count, years)), 0, 7)
    state = _State(count, smoking)
    for earlier in range(_EARLIER, 0, -1):
        _year(male, rng.random(count) < 0.7, age[:, 0] - earlier, latent, fixed, exercise[:, 0], state, rng)
    state.enrolled[:] = False
    seen = [
        _year(male, people.attends[:, y], age[:, y], latent, fixed, exercise[:, y], state, rng) for y in range(years)
    ]

    by_name = {name: np.stack([year[name] for year in seen], axis=1) for name in seen[0]}
    flags = {name: by_name.pop(name).astype(bool) for name in (*state.flags, "finished")}
    smoking, programme = (by_name.pop(name).astype(np.int64) for name in ("smoking", "programme"))
    return Course(
        age=age,
        latent=latent,
        values=by_name,
        smoking=smoking,
        drinks=fixed["drinks"].astype(np.int64),
        family_history=family,
        exercise_days=exercise,
        salty=np.repeat(fixed["salty"].astype(np.int64)[:, None], years, axis=1),
        programme=programme,
        **flags,
    )


def _latents(count: int, rng: np.random.Generator) -> dict[str, Floats]:
    """What people bring with them, standard normal, the metabolic ones correlated."""
    size = len(_LATENTS)
    covariance = np.full((size, size), _CORRELATION) + np.eye(size) * (1 - _CORRELATION)
    drawn = rng.multivariate_normal(np.zeros(size), covariance, count, method="cholesky")
    return {name: drawn[:, i] for i, name in enumerate(_LATENTS)}


def _year(
    male: Flags,
    attends: Flags,
    age: Floats,
    latent: dict[str, Floats],
    fixed: dict[str, Floats],
    exercise: Ints,
    state: _State,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """One year of everybody: values before anything the day adds, then the exam, then what follows from it."""
    count, flags = len(age), state.flags
    after_50 = np.maximum(age - 50, 0)
    state.walk += rng.normal(0, 0.35, count) - 0.04 * (exercise - 1.5)
    bmi = (
        np.where(male, 23.9, 22.3) + 2.9 * latent["adiposity"] + 0.06 * (np.minimum(age, 58) - 45) + state.walk
        - 1.0 * state.benefit
    )  # fmt: skip
    bmi = np.clip(bmi, 15.5, 43)
    heavy = bmi - 24
    sbp = (
        np.where(male, 126, 120) + 0.30 * (age - 45) + np.where(male, 0.15, 0.45) * after_50 + 1.0 * heavy
        + 9.5 * latent["pressure"] + 2.0 * (fixed["salty"] - 1) + 1.5 * (fixed["drinks"] == 2)
    )  # fmt: skip
    dbp = (
        np.where(male, 79.5, 74)
        + 0.25 * (np.minimum(age, 55) - 45)
        - 0.25 * after_50
        + 0.6 * heavy
        + 5 * latent["pressure"]
    )
    liability = latent["glucose"] + 0.035 * (age - 45) + 0.09 * heavy
    flags["diabetes"] |= liability + rng.normal(0, 0.15, count) > 1.72
    fpg = (
        5.15
        + 0.012 * (age - 45)
        + 0.04 * heavy
        + 0.28 * latent["glucose"]
        + flags["diabetes"] * (2.2 + 0.5 * heavy.clip(0, 6))
    )
    tc = (
        4.75
        + 0.018 * (np.minimum(age, 62) - 45)
        + 0.75 * latent["cholesterol"]
        + 0.02 * heavy
        + np.where(male, 0, 0.012 * after_50)
    )
    log_tg = np.log(1.25) + 0.055 * heavy + 0.36 * latent["triglycerides"] + 0.16 * male + 0.12 * (fixed["drinks"] == 2)
    # treatment and what a programme brings
    sbp = sbp - 13 * flags["bp_medication"] - 4.0 * state.benefit
    dbp = dbp - 7 * flags["bp_medication"] - 2.0 * state.benefit
    fpg = np.maximum(fpg - 1.9 * flags["glucose_medication"] - 0.3 * state.benefit, 4.0)
    tc = tc * (1 - 0.24 * flags["statin"]) - 0.15 * state.benefit
    measured = _measured(male, bmi, sbp, dbp, fpg, tc, log_tg, state.smoking == CURRENT, fixed["height"], latent, rng)
    shown: dict[str, Floats] = (
        measured | {n: f.astype(np.float64) for n, f in flags.items()} | {"smoking": state.smoking.astype(np.float64)}
    )
    return shown | _after(attends, age, measured, liability, state, rng)


def _measured(
    male: Flags,
    bmi: Floats,
    sbp: Floats,
    dbp: Floats,
    fpg: Floats,
    tc: Floats,
    log_tg: Floats,
    smokes: Flags,
    tall: Floats,
    latent: dict[str, Floats],
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """What the day of the exam adds: the analyser, the hour, the night before."""
    count = len(bmi)
    pulse_of_the_day = rng.normal(0, 1, count)
    height = tall + rng.normal(0, 0.3, count)
    weight = np.round(bmi * (tall / 100) ** 2 + rng.normal(0, 0.5, count), 1)
    tg = np.exp(log_tg + rng.normal(0, 0.19, count))
    total = np.maximum(tc * np.exp(rng.normal(0, 0.05, count)), 2.2)
    hdl = np.where(male, 1.28, 1.52) - 0.022 * (bmi - 24) - 0.16 * np.log(tg / 1.25) - 0.06 * smokes
    hdl = np.clip(
        (hdl + 0.19 * rng.normal(0, 0.5, count) - 0.12 * latent["liver"]) * np.exp(rng.normal(0, 0.06, count)), 0.55, 3
    )
    glucose = np.clip(fpg * np.exp(rng.normal(0, 0.045, count)), 3.4, 24)
    return {
        "HEIGHT": height,
        "WEIGHT": weight,
        "BMI": weight / (np.round(height, 1) / 100) ** 2,
        "WAIST": np.where(male, 85, 77) + 2.35 * (bmi - 24) + rng.normal(0, 2.5, count),
        "SBP": np.clip(sbp + 5.5 * pulse_of_the_day + rng.normal(0, 4, count), 84, 220),
        "DBP": np.clip(dbp + 3.2 * pulse_of_the_day + rng.normal(0, 3, count), 46, 130),
        "FPG": glucose,
        "HBA1C": np.clip((2.05 + 0.64 * fpg) * np.exp(rng.normal(0, 0.025, count)), 4.0, 15),
        "TC": total,
        "TG": np.clip(tg, 0.35, 20),
        "HDLC": hdl,
        "LDLC": np.maximum(total - hdl - np.minimum(tg, 4.5) / 2.2 + rng.normal(0, 0.12, count), 0.6),
    }


def _after(
    attends: Flags, age: Floats, measured: dict[str, Floats], liability: Floats, state: _State, rng: np.random.Generator
) -> dict[str, Floats]:
    """What the exam leads to: diagnoses, prescriptions, a programme; and what the year brings by itself."""
    count, flags = len(age), state.flags
    chance = rng.random((8, count))
    high = (measured["SBP"] >= 140) | (measured["DBP"] >= 90)
    flags["hypertension"] |= attends & high & (chance[0] < 0.5)
    flags["bp_medication"] |= attends & flags["hypertension"] & (chance[1] < 0.45)
    flags["statin"] |= attends & ((measured["LDLC"] > 4.1) | flags["cvd"]) & (chance[2] < 0.3)
    flags["diabetes_known"] |= attends & flags["diabetes"] & (measured["FPG"] >= 7.0) & (chance[3] < 0.1)
    flags["glucose_medication"] |= attends & flags["diabetes_known"] & (chance[1] < 0.6)
    smokes = state.smoking == CURRENT
    yearly = 0.0012 * np.exp(
        0.06 * (age - 45) + 0.012 * (measured["SBP"] - 125) + 0.6 * smokes + 0.5 * flags["diabetes"]
    )
    flags["cvd"] |= chance[4] < np.minimum(yearly, 0.2)
    state.smoking = np.where(smokes & (chance[5] < np.where(flags["cvd"], 0.3, 0.035)), FORMER, state.smoking)
    reasons = np.stack([measured["BMI"] >= 27.5, high, measured["FPG"] >= 6.1, measured["LDLC"] >= 4.1])
    begins = attends & reasons.any(axis=0) & ~state.enrolled & (chance[6] < 0.28)
    finished = begins & (chance[7] < 0.72)
    state.enrolled |= begins
    state.benefit = np.where(begins, np.where(finished, 1.0, 0.3), state.benefit * 0.6)
    return {
        "programme": np.where(begins, reasons.argmax(axis=0), -1).astype(np.float64),
        "finished": finished.astype(np.float64),
    }
