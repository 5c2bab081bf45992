"""A programme without effect shows none: no time in which people could not reach the goal counts for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import psycopg
import pytest
from lifelines.statistics import logrank_test

from models.time_to_goal import curves, read
from tests.dbt.test_suppression import compiled
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

PAIRS = 1500
EXAM = date(2020, 1, 1)


@pytest.fixture
def server(built: Settings) -> Iterator[psycopg.Connection]:
    with administrator(built, built.database) as connection:
        connection.autocommit = False
        yield connection
        connection.rollback()


@pytest.fixture
def people(built: Settings, server: psycopg.Connection) -> pd.DataFrame:
    """Pairs who reach the goal at the same pace, whether enrolled or not; only who has not yet reached it enrols."""
    rng = np.random.default_rng(8)
    starts = rng.integers(30, 400, PAIRS)
    reached = {"enrolled": starts + 1 + rng.exponential(300, PAIRS), "comparison": rng.exponential(300, PAIRS)}
    server.execute("""
        create temporary table baselined (intervention_key bigint, person_key bigint, site text, programme text,
            indicator_code text, goal float, exam_date date, start_date date, value float);
        create temporary table matched (intervention_key bigint, comparison_key bigint, comparison_date date,
            comparison_value float, days_to_start int);
        create temporary table interpreted (person_key bigint, site text, indicator_code text, exam_date date,
            value float)
    """)
    with server.cursor() as cursor:
        for n in range(PAIRS):
            start = EXAM + timedelta(int(starts[n]))
            cursor.execute("insert into baselined values (%s, %s, 'hz', 'p', 'A', 10, %s, %s, 12)", (n, n, EXAM, start))
            cursor.execute("insert into matched values (%s, %s, %s, 12, %s)", (n, n + PAIRS, EXAM, int(starts[n])))
        with cursor.copy("copy interpreted from stdin") as to:
            for offset, arm in ((0, "enrolled"), (PAIRS, "comparison")):
                for n in range(PAIRS):
                    for day in range(15, 900, 15):
                        value = 9 if day >= reached[arm][n] else 12
                        to.write_row((n + offset, "hz", "A", EXAM + timedelta(day), value))
    server.execute(f"create temporary table at_risk as {risk(built)}")  # type: ignore[call-overload]
    query = compiled(
        built, "fct_time_to_goal", int_intervention__at_risk="at_risk", int_exam__interpreted="interpreted"
    )
    columns = ["programme", "arm", "person_key", "time_days", "observed"]
    rows = server.execute(f"select {', '.join(columns)} from ({query}) as t").fetchall()  # type: ignore[call-overload]  # noqa: S608
    return pd.DataFrame(rows, columns=columns)


def risk(of: Settings) -> str:
    return compiled(
        of, "int_intervention__at_risk", int_intervention__baselined="baselined", int_intervention__matched="matched"
    )


def test_a_programme_without_effect_shows_none(people: pd.DataFrame) -> None:
    enrolled, comparison = curves(people)
    assert enrolled["p_value"] > 0.01
    assert abs(enrolled["median_days"] - comparison["median_days"]) <= 45
    assert comparison["people"] < enrolled["people"]  # who reached it before is left out


def test_counted_from_the_exam_the_same_programme_would_seem_to_delay(people: pd.DataFrame) -> None:
    """What the guard is for: the days before enrolment are days in which the enrolled could not reach the goal."""
    waits = people["arm"] == "enrolled"
    rng = np.random.default_rng(8)
    starts = rng.integers(30, 400, PAIRS)
    naive = people.copy()
    naive.loc[waits, "time_days"] += starts[naive.loc[waits, "person_key"]]
    arms = [naive[naive["arm"] == arm] for arm in ("enrolled", "comparison")]
    test = logrank_test(*(a["time_days"] for a in arms), *(a["observed"] for a in arms))
    assert test.p_value < 1e-6


def test_a_difference_is_found() -> None:
    rng = np.random.default_rng(1)
    frames = [
        pd.DataFrame({"programme": "p", "arm": arm, "time_days": 1 + rng.exponential(pace, 300), "observed": True})
        for arm, pace in (("enrolled", 200), ("comparison", 400))
    ]
    enrolled, comparison = curves(pd.concat(frames))
    assert enrolled["p_value"] < 1e-4
    assert enrolled["median_days"] < comparison["median_days"]
    for entry in (enrolled, comparison):
        assert all(s["low"] <= s["share"] <= s["high"] for s in entry["share"])
    assert enrolled["share"][1]["share"] == pytest.approx(1 - np.exp(-364 / 200), abs=0.06)


def test_time_before_the_programme_is_refused() -> None:
    rows = pd.DataFrame({"programme": ["p"], "arm": ["enrolled"], "time_days": [0], "observed": [True]})
    with pytest.raises(WellhouseError, match="before the programme began"):
        curves(rows)


def test_small_programmes_are_not_told(built: Settings) -> None:
    assert all(entry["people"] >= 11 for entry in curves(read()))
