"""``python -m models.time_to_goal``: how soon people in a programme reach its goal, beside matched people who are not.

Kaplan-Meier curves with log-log intervals (lifelines) and a log-rank test. Both arms of a pair are counted from the day
the programme began; who had reached the goal by then is in neither (marts.fct_time_to_goal), so that no time in which
an enrolled person could not have reached it counts for the programme (Suissa S, Am J Epidemiol 2008;167:492-499).
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import pandas as pd
from adbc_driver_postgresql import dbapi
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

from models.command import run
from wellhouse import db
from wellhouse.errors import WellhouseError

ROLE = "wh_model"
ARMS = ("enrolled", "comparison")
MILESTONES = (180, 365, 730)
"""Days at which the share that has reached the goal is told."""
SMALLEST = 11
"""Fewer people in an arm, and nothing is told of a programme."""


def curves(people: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry a programme and arm.

    :param people: programme, arm, time_days, observed; one row a person of a pair
    :returns: programme, arm, people, reached, ``share`` with its 95 % interval at each milestone, ``median_days`` (None
        where half never reach it), ``p_value`` of the log-rank test between the arms
    :raises WellhouseError: somebody is counted before the programme began.
    """
    if (people["time_days"] <= 0).any():
        raise WellhouseError("time_days: a person is counted from before the programme began, expected at least 1")
    found: list[dict[str, Any]] = []
    for programme, both in people.groupby("programme", sort=True):
        arms = {arm: both[both["arm"] == arm] for arm in ARMS}
        if min(map(len, arms.values())) < SMALLEST:
            continue
        test = logrank_test(*(arms[arm]["time_days"] for arm in ARMS), *(arms[arm]["observed"] for arm in ARMS))
        found += [
            {"programme": programme, "arm": arm} | _curve(rows) | {"p_value": float(test.p_value)}
            for arm, rows in arms.items()
        ]
    return found


def _curve(rows: pd.DataFrame) -> dict[str, Any]:
    fitted = KaplanMeierFitter().fit(rows["time_days"], rows["observed"])
    low, high = (fitted.confidence_interval_survival_function_.iloc[:, side] for side in (1, 0))
    last = float(rows["time_days"].max())
    shares = [
        {"days": day, "share": 1 - float(fitted.predict(day)), "low": 1 - _at(low, day), "high": 1 - _at(high, day)}
        for day in MILESTONES
        if day <= last
    ]
    median = float(fitted.median_survival_time_)
    return {
        "people": len(rows),
        "reached": int(rows["observed"].sum()),
        "share": shares,
        "median_days": median if math.isfinite(median) else None,
    }


def _at(steps: pd.Series, day: int) -> float:
    """The step function's value on a day."""
    return float(steps[steps.index <= day].iloc[-1])


def read() -> pd.DataFrame:
    """Everybody of every pair; nothing that names one."""
    with dbapi.connect(db.url(ROLE)) as connection, connection.cursor() as cursor:
        cursor.execute("select programme, arm, time_days, observed from marts.fct_time_to_goal")
        return cursor.fetch_arrow_table().to_pandas()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.time_to_goal", description="time to a programme's goal")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    found = curves(read())
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for entry in found:
        shares = ", ".join(f"{s['share']:.0%} by day {s['days']}" for s in entry["share"])
        told = f"{entry['programme']} {entry['arm']}: {entry['reached']} of {entry['people']}"
        print(f"{told}; {shares}; p {entry['p_value']:.3f}")
    if not found:
        print(f"no programme has {SMALLEST} matched pairs yet")


if __name__ == "__main__":
    run(main)
