"""Tags and follow-ups worked out a second time, person by person and day by day, to hold the SQL engine against.

Nothing here is shared with dbt but the seeds: what the rules are is data, how they are evaluated is written twice.
"""

from __future__ import annotations

import csv
import operator
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

Row = dict[str, str]
COMPARE = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}
Tag = tuple[str, date, date | None]
"""Tag, first day it holds, first day it no longer does."""


def seed(folder: Path, name: str) -> list[Row]:
    with (folder / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclass
class Person:
    """One made-up person: ``facts`` by name, each a list of (day, value) in order of days, one a day."""

    sex: str
    birth_year: int
    facts: dict[str, list[tuple[date, float]]] = field(default_factory=dict)
    exams: list[tuple[date, int]] = field(default_factory=list)
    contacts: list[tuple[date, int, bool]] = field(default_factory=list)
    """Day, key, whether the person was reached."""
    answers: list[tuple[date, list[int]]] = field(default_factory=list)
    """Day and the nine answers of a PHQ-9."""
    programmes: list[tuple[date, int, str]] = field(default_factory=list)
    """First day, key, programme."""


@dataclass(frozen=True)
class Condition:
    fact: str
    nth: int
    holds: Any
    threshold: float
    sex: str
    age: range
    within: int
    apart: int

    def met(self, person: Person, day: date) -> bool:
        known = person.facts.get(self.fact, [])
        latest = bisect_right(known, (day, float("inf"))) - 1
        chosen = latest - self.nth + 1
        if chosen < 0 or (self.sex and person.sex != self.sex):
            return False
        if known[latest][0].year - person.birth_year not in self.age:
            return False
        if self.apart and (latest < 1 or (known[latest][0] - known[latest - 1][0]).days < self.apart):
            return False
        on, value = known[chosen]
        return (day - on).days <= self.within and bool(self.holds(value, self.threshold))


@dataclass(frozen=True)
class Rule:
    tag: str
    needed: int
    clauses: dict[int, list[Condition]]

    def holds(self, person: Person, day: date) -> bool:
        if any(c.met(person, day) for c in self.clauses.get(0, [])):
            return False
        met = sum(any(c.met(person, day) for c in group) for n, group in self.clauses.items() if n)
        return met >= self.needed

    def rests_on(self, person: Person, day: date) -> bool:
        """Whether a result of that very day is one of those that meet it."""
        return any(
            c.nth == 1 and not told(c.fact) and c.met(person, day) and day in (on for on, _ in person.facts[c.fact])
            for n, group in self.clauses.items() if n
            for c in group
        )  # fmt: skip

    @property
    def facts(self) -> set[str]:
        return {c.fact for group in self.clauses.values() for c in group}


def rules(folder: Path) -> list[Rule]:
    """Every rule of the seeds; each has one edition so far."""
    made = []
    conditions = seed(folder, "tag_conditions")
    for row in seed(folder, "tag_rules"):
        clauses: dict[int, list[Condition]] = {}
        for c in (c for c in conditions if c["tag"] == row["tag"]):
            age = range(int(c["age_low"] or -1), int(c["age_high"] or 999) + 1)
            clauses.setdefault(int(c["clause"]), []).append(Condition(
                c["fact"], int(c["nth"]), COMPARE[c["operator"]], float(c["threshold"]), c["sex"], age,
                int(c["within_days"] or 99999), int(c["apart_days"] or 0),
            ))  # fmt: skip
        made.append(Rule(row["tag"], int(row["clauses_needed"]), clauses))
    return made


def tags(person: Person, of: list[Rule], as_of: date) -> Iterator[Tag]:
    """Looks at every day on which any fact came, or became too old to go by."""
    for rule in of:
        known = [on for fact in rule.facts for on, _ in person.facts.get(fact, []) if on <= as_of]
        if not known:
            continue
        ages = {c.within + 1 for group in rule.clauses.values() for c in group}
        days = sorted({d for on in known for d in (on, *(on + timedelta(a) for a in ages)) if d <= as_of})
        began: date | None = None
        for day in days:
            holds = rule.holds(person, day)
            if holds and began is None:
                began = day
            elif not holds and began is not None:
                yield rule.tag, began, day
                began = None
        if began is not None:
            yield rule.tag, began, None


def told(fact: str) -> bool:
    """What people say of themselves, unlike what is measured or scored."""
    return fact.islower() and "." not in fact


def raised(person: Person, rule: Rule, began: date, ended: date | None, as_of: date) -> list[date]:
    """The day a tag began, and those on which a new result met it while it held."""
    results = {on for fact in rule.facts for on, _ in person.facts.get(fact, []) if began < on <= as_of}
    return [began, *sorted(d for d in results if (ended is None or d < ended) and rule.rests_on(person, d))]


@dataclass(frozen=True)
class Due:
    """One contact that is due: what the mart says of it, in the same words."""

    tag: str
    plan: str
    raised_on: date
    occurrence: int
    due_date: date
    status: str
    done_date: date | None
    contact_key: int | None
    overdue_days: int
    failed: int
    escalation: int


def due(person: Person, held: list[Tag], of: list[Rule], plans: list[Row], as_of: date) -> Iterator[Due]:
    """A plan of so many contacts begins again with each new result; one that goes on as long as the tag does not."""
    by_tag = {rule.tag: rule for rule in of}
    for tag, began, ended in held:
        for plan in (p for p in plans if p["tag"] == tag):
            days = raised(person, by_tag[tag], began, ended, as_of) if plan["occurrences"] else [began]
            for n, day in enumerate(days):
                until = min(d for d in (ended, *days[n + 1 : n + 2], date.max) if d is not None)
                yield from _of_plan(person, plan, day, n * int(plan["occurrences"] or 0), until, ended, as_of)


def _of_plan(
    person: Person, plan: Row, began: date, before: int, until: date, ended: date | None, as_of: date
) -> Iterator[Due]:
    opens, grace = began, int(plan["grace_days"])
    nth = 0
    while True:
        nth += 1
        day = began + timedelta(int(plan["first_due_days"]) + (nth - 1) * int(plan["interval_days"] or 0))
        closes = day + timedelta(grace)
        if opens > as_of or opens >= until or (plan["occurrences"] and nth > int(plan["occurrences"])):
            return
        yield _one(person, plan, began, ended, as_of, before + nth, opens, day, closes)
        opens = closes + timedelta(1)


def _one(
    person: Person, plan: Row, began: date, ended: date | None, as_of: date, occurrence: int, opens: date, day: date,
    closes: date,
) -> Due:  # fmt: skip
    until = min(closes, as_of)
    can = [(on, key) for on, key, reached in person.contacts if reached] if plan["completed_by"] != "exam" else []
    if plan["completed_by"] != "contact":
        can += [(on, key) for on, key in person.exams if on > began]
    made = min(((on, key) for on, key in can if opens <= on <= until), default=None)
    counted = plan["completed_by"] != "exam"
    failed = sum(opens <= on <= until for on, _, reached in person.contacts if not reached) if counted else 0
    late = max(((made[0] if made else until) - day).days, 0)
    waiting = (as_of - day).days  # also after it closed
    if made:
        status = "done"
    elif ended is not None and ended <= day:
        status = "cancelled"
    elif waiting > 14 and failed >= 3:
        status = "lost"
    elif as_of > closes:
        status = "missed"
    else:
        status = "overdue" if as_of > day else "open"
    limit = int(plan["escalate_after_days"])
    given_up = status in ("done", "cancelled")
    escalation = 0 if given_up else int(waiting > limit) + int(waiting > 2 * limit)
    return Due(plan["tag"], plan["plan"], began, occurrence, day, status, made and made[0], made and made[1], late,
               failed, escalation)  # fmt: skip
