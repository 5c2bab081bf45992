"""Every score equals what the scales' papers make of the same answers, worked out once more in Python."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest

from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

Answers = dict[str, float]
SUMS = {"PHQ-9": (9, 3, 2), "GAD-7": (7, 3, 1), "AUDIT-C": (3, 4, 0)}
"""Items, highest answer, how many may be missing."""


@pytest.fixture(scope="module")
def responses(built: Settings) -> list[tuple[str, str, Answers, float | None, str | None]]:
    """Questionnaire, sex, answers as they landed, and score and band as the mart gives them."""
    answers: dict[int, Answers] = defaultdict(dict)
    with administrator(built, built.database) as server:
        for key, question, value in server.execute(
            "select response_key, question_code, value from landing.questionnaire_answer where value is not null"
            " order by load_id, row_number"
        ):
            answers[key][question] = value
        scored = server.execute(
            "select s.response_key, s.questionnaire_code, p.sex, s.value, s.band from marts.fct_scale_score as s"
            " join marts.dim_person as p using (person_key, site)"
        ).fetchall()
    return [(code, sex, answers[key], value, band) for key, code, sex, value, band in scored]


def summed(code: str, said: Answers) -> float | None:
    items, highest, missing = SUMS[code]
    given = [said[str(n)] for n in range(1, items + 1) if 0 <= said.get(str(n), -1) <= highest]
    return math.floor(sum(given) * items / len(given) + 0.5) if len(given) >= items - missing else None


def psqi(said: Answers) -> float | None:
    if any(q not in said for q in ("1", "2", "3", "4", *(f"5{x}" for x in "abcdefghij"), "6", "7", "8", "9")):
        return None
    latency = sum(said["2"] > limit for limit in (15, 30, 60))
    duration = sum((said["4"] <= 7, said["4"] < 6, said["4"] < 5))
    in_bed = (said["3"] - said["1"]) % 24
    efficiency = sum(100 * said["4"] / in_bed < limit for limit in (85, 75, 65))
    disturbed = sum(said[f"5{x}"] for x in "bcdefghij")
    thirds = [latency + said["5a"], said["8"] + said["9"]]
    return (
        said["6"] + said["7"] + duration + efficiency + sum(math.ceil(x / 2) for x in thirds) + math.ceil(disturbed / 9)
    )


def ipaq(said: Answers) -> tuple[float | None, str | None]:
    days = [said.get(q) for q in "135"]
    if any(d is None for d in days) or any(d and said.get(q) is None for d, q in zip(days, "246", strict=True)):
        return None, None
    minutes = [said.get(q, 0.0) if d else 0.0 for d, q in zip(days, "246", strict=True)]
    if sum(minutes) > 960:
        return None, None
    counted = [min(m, 180) if m >= 10 else 0 for m in minutes]
    active = [float(d or 0) if m else 0.0 for d, m in zip(days, counted, strict=True)]
    met = [w * m * d for w, m, d in zip((8, 4, 3.3), counted, active, strict=True)]
    often = sum(active)
    if (active[0] >= 3 and met[0] >= 1500) or (often >= 7 and sum(met) >= 3000):
        return sum(met), "high"
    long_easy = sum(d for d, m in zip(active[1:], counted[1:], strict=True) if m >= 30)
    if (active[0] >= 3 and counted[0] >= 20) or long_easy >= 5 or (often >= 5 and sum(met) >= 600):
        return sum(met), "moderate"
    return sum(met), "low"


def test_scores(responses: list[tuple[str, str, Answers, float | None, str | None]]) -> None:
    scored: dict[str, int] = defaultdict(int)
    for code, _, said, value, _ in responses:
        expected: Any = summed(code, said) if code in SUMS else psqi(said) if code == "PSQI" else ipaq(said)[0]
        assert value == (None if expected is None else pytest.approx(expected)), (code, said)
        scored[code] += value is not None
    assert {code: n > 50 for code, n in scored.items()} == dict.fromkeys([*SUMS, "PSQI", "IPAQ-SF"], True)


def test_bands(responses: list[tuple[str, str, Answers, float | None, str | None]]) -> None:
    limits = {
        "PHQ-9": [(20, "severe"), (15, "moderately_severe"), (10, "moderate"), (5, "mild"), (0, "none")],
        "GAD-7": [(15, "severe"), (10, "moderate"), (5, "mild"), (0, "none")],
        "PSQI": [(8, "poor"), (0, "good")],
    }
    for code, sex, said, value, band in responses:
        if value is None:
            assert band is None
        elif code == "AUDIT-C":
            positive = value >= {"male": 4, "female": 3}.get(sex, math.inf)
            assert band == ("positive" if positive else "negative" if sex else None)
        elif code == "IPAQ-SF":
            assert band == ipaq(said)[1]
        else:
            assert band == next(name for limit, name in limits[code] if value >= limit)
