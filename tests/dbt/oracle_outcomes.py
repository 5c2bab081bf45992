"""What became of the enrolled and of whom they are compared with, worked out a second time, enrolment by enrolment.

Nothing here is shared with dbt but what the programmes aim at.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from tests.dbt.oracle_rules import Person, Row

YEAR, WINDOW = timedelta(365), (timedelta(60), timedelta(540))


@dataclass(frozen=True)
class Value:
    """One value of a person, and the first to one and a half years on."""

    who: int
    exam: int
    on: date
    value: float
    after: tuple[date, float] | None


@dataclass(frozen=True)
class Outcome:
    """One enrolment: its value, the compared person's, and the days from the first day to the goal of both."""

    key: int
    value: Value
    compared: Value | None
    to_goal: dict[str, tuple[int, bool]]
    """Arm: days and whether the goal was reached; without who had reached it before."""

    @property
    def effect(self) -> float | None:
        pair = (self.value, self.compared)
        changes = [v.after[1] - v.value for v in pair if v is not None and v.after is not None]
        return changes[0] - changes[1] if len(changes) == 2 else None


def series(who: int, person: Person, indicator: str) -> Iterator[Value]:
    exams = dict(person.exams)
    known = person.facts.get(indicator, [])
    for n, (on, value) in enumerate(known):
        after = next(((d, v) for d, v in known[n + 1 :] if on + WINDOW[0] <= d <= on + WINDOW[1]), None)
        yield Value(who, exams[on], on, value, after)


def outcomes(people: list[Person], targets: list[Row]) -> Iterator[Outcome]:
    """Every enrolment with a value of the year before it."""
    for target in targets:
        values = [[*series(n, p, target["indicator_code"])] for n, p in enumerate(people)]
        free = [v for n, of in enumerate(values) for v in of if not enrolled_about(people[n], v.on)]
        spread = statistics.stdev(v.value for v in free)
        groups: dict[tuple[str, int], list[Value]] = defaultdict(list)
        for v in free:
            if v.after is not None:
                groups[people[v.who].sex, v.on.year].append(v)
        for n, person in enumerate(people):
            for start, key, programme in person.programmes:
                chosen = before(values[n], start) if programme == target["programme"] else None
                if chosen is None:
                    continue
                others = groups[person.sex, chosen.on.year] if chosen.after is not None else []
                compared = nearest(people, chosen, others, spread)
                goal = float(target["goal"])
                days = {}
                if compared is not None:
                    arms = {"enrolled": (chosen, start), "comparison": (compared, compared.on + (start - chosen.on))}
                    for arm, (value, origin) in arms.items():
                        found = time_to_goal(values[value.who], value, origin, goal)
                        days |= {} if found is None else {arm: found}
                yield Outcome(key, chosen, compared, days)


def enrolled_about(person: Person, on: date) -> bool:
    """Whether a programme began in the year before a day or in the one and a half after it."""
    return any(on - YEAR <= start <= on + WINDOW[1] for start, _, _ in person.programmes)


def before(values: list[Value], start: date) -> Value | None:
    """The last value before a programme began, with the first that is not of the programme's first days."""
    fit = [v for v in values if start - YEAR <= v.on <= start]
    if not fit:
        return None
    late = [(v.on, v.value) for v in values if start + WINDOW[0] <= v.on <= fit[-1].on + WINDOW[1]]
    return replace(fit[-1], after=late[0] if late else None)


def nearest(people: list[Person], of: Value, others: list[Value], spread: float) -> Value | None:
    mine = of.on.year - people[of.who].birth_year
    ranked = []
    for other in others:
        years, apart = abs(other.on.year - people[other.who].birth_year - mine), abs(other.value - of.value)
        if years <= 5 and apart <= 0.25 * spread:
            ranked.append((years / 5 + apart / spread, other.exam, other))
    return min(ranked, key=lambda r: r[:2])[2] if ranked else None


def time_to_goal(values: list[Value], of: Value, origin: date, goal: float) -> tuple[int, bool] | None:
    later = [(v.on, v.value < goal) for v in values if v.on > of.on]
    if of.value < goal or not later:
        return None
    assert all(a <= b for (a, _), (b, _) in pairwise(later))
    reached = [on for on, good in later if good]
    days = ((reached[0] if reached else later[-1][0]) - origin).days
    return (days, bool(reached)) if days > 0 else None
