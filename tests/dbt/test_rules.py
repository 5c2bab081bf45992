"""The rule engine equals an independent one on ten thousand people; a past day replayed gives that day's results."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import tests.dbt.oracle_rules as oracle
from tests.dbt import crowd
from wellhouse import build as runner
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

PEOPLE = 10_000
PAST = date(2022, 6, 30)
UPSTREAM = "+int_follow_up__timed"

TAGS = """
    select person_key, tag, valid_from, valid_until, evidence from intermediate.int_rule__tagged
    where site = 'oracle' order by 1, 2, 3
"""
DUE = """
    select person_key, tag, plan, raised_on, occurrence, due_date, due_status, due.done_date, contact_key,
           overdue_days, due.failed_count, escalation_level, follow_up_due_key
    from intermediate.int_follow_up__timed due
    left join intermediate.int_follow_up__matched using (person_tag_key, plan, occurrence)
    where site = 'oracle' order by 1, 2, 4, 5
"""


def rebuild(of: Settings, as_of: str = "") -> None:
    """Only the engine and what it reads; marts that readers see stay as they are."""
    done = runner.dbt(of, "run", "--select", UPSTREAM, "--vars", f'{{"as_of": "{as_of}"}}')
    assert done.returncode == 0, done.stdout[-2000:]


def read(of: Settings, query: str) -> list[tuple[Any, ...]]:
    with administrator(of, of.database) as server:
        return server.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def seeds(project_root: Path) -> Path:
    return project_root / "dbt_project" / "seeds"


@pytest.fixture(scope="module")
def people(built: Settings) -> Iterator[list[oracle.Person]]:
    last = read(built, "select max(exam_date) from landing.exam")[0][0]
    drawn = crowd.draw(PEOPLE, 7, last)
    with crowd.landed(built, drawn):
        rebuild(built)
        yield drawn
    rebuild(built)


@pytest.fixture(scope="module")
def as_of(built: Settings, people: list[oracle.Person]) -> date:
    day = read(built, "select as_of from intermediate.int_rule__dated")[0][0]
    assert isinstance(day, date)
    return day


@pytest.fixture(scope="module")
def held(people: list[oracle.Person], seeds: Path, as_of: date) -> dict[int, list[oracle.Tag]]:
    rules = oracle.rules(seeds)
    return {crowd.FIRST_PERSON + n: sorted(oracle.tags(p, rules, as_of)) for n, p in enumerate(people)}


def test_tags_equal_the_oracle(built: Settings, held: dict[int, list[oracle.Tag]]) -> None:
    found = [row[:4] for row in read(built, TAGS)]
    expected = [(key, *tag) for key, of in held.items() for tag in of]
    assert len(expected) > 5 * PEOPLE
    assert len({tag for _, tag, _, _ in expected}) > 35
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_every_tag_rests_on_facts_of_the_person(built: Settings, people: list[oracle.Person]) -> None:
    for key, _, began, _, evidence in read(built, TAGS)[::25]:
        facts = people[key - crowd.FIRST_PERSON].facts
        assert evidence
        for row in evidence:
            on = date.fromisoformat(row["date"])
            assert on <= began
            assert (on, pytest.approx(row["value"])) in [(d, v) for d, v in facts[row["fact"]]]


def test_follow_ups_equal_the_oracle(
    built: Settings, people: list[oracle.Person], held: dict[int, list[oracle.Tag]], seeds: Path, as_of: date
) -> None:
    plans = oracle.seed(seeds, "follow_up_plans")
    found = [row[:12] for row in read(built, DUE)]
    expected = [
        (key, d.tag, d.plan, d.raised_on, d.occurrence, d.due_date, d.status, d.done_date, d.contact_key,
         d.overdue_days, d.failed, d.escalation)
        for key, of in held.items()
        for d in oracle.due(people[key - crowd.FIRST_PERSON], of, plans, as_of)
    ]  # fmt: skip
    assert len(expected) > 5 * PEOPLE
    assert {row[6] for row in expected} == {"done", "open", "overdue", "missed", "cancelled", "lost"}
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_second_run_doubles_nothing(built: Settings, people: list[oracle.Person]) -> None:
    before = read(built, DUE)
    rebuild(built)
    assert read(built, DUE) == before
    assert len({row[-1] for row in before}) == len(before)


def test_a_past_day_replayed_gives_that_days_results(built: Settings, people: list[oracle.Person]) -> None:
    """Tags are what held then; follow-ups keep their keys and due dates."""
    now, due_now = read(built, TAGS), {row[-1]: row[5] for row in read(built, DUE)}
    rebuild(built, PAST.isoformat())
    then, due_then = read(built, TAGS), {row[-1]: row[5] for row in read(built, DUE)}
    rebuild(built)
    expected = [
        (key, tag, began, until if until is not None and until <= PAST else None, evidence)
        for key, tag, began, until, evidence in now
        if began <= PAST
    ]
    assert then == expected
    assert due_then
    assert due_then.items() <= due_now.items()
