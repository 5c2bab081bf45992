"""Tags, follow-ups, slopes and outcomes of ten thousand people equal what independent programs make of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import tests.dbt.oracle_outcomes as outcomes
import tests.dbt.oracle_rules as oracle
from tests.dbt import crowd
from tests.dbt.test_suppression import compiled
from tests.dbt.test_trends import Row, per_year, projection, slope, thresholds
from wellhouse import build as runner
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

PEOPLE = 10_000
PAST = date(2022, 6, 30)
RULES = ("+int_follow_up__timed",)
EVERYTHING = (*RULES, "+int_exam__projected", "+int_intervention__at_risk")

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


SLOPES = """
    select sloped.person_key, sloped.indicator_code, slope_per_year, slope_low, slope_high, crossing_threshold,
           crossing_date, crossing_earliest, crossing_latest
    from intermediate.int_exam__sloped as sloped
    left join intermediate.int_exam__projected using (person_key, site, indicator_code)
    where sloped.site = 'oracle'
"""


def rebuild(of: Settings, as_of: str = "", models: tuple[str, ...] = RULES) -> None:
    """Only the models asked for and what they read; marts that readers see stay as they are."""
    done = runner.dbt(of, "run", "--select", *models, "--vars", f'{{"as_of": "{as_of}"}}')
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
        rebuild(built, models=EVERYTHING)
        yield drawn
    rebuild(built, models=EVERYTHING)


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


def test_every_tag_rests_on_the_newest_facts_of_the_person(
    built: Settings, people: list[oracle.Person], seeds: Path, as_of: date
) -> None:
    rules, again = {rule.tag: rule for rule in oracle.rules(seeds)}, 0
    for key, tag, began, ended, evidence in read(built, TAGS)[::25]:
        person = people[key - crowd.FIRST_PERSON]
        assert evidence
        days = []
        for row in evidence:
            days.append(date.fromisoformat(row["date"]))
            assert days[-1] <= min(ended or as_of, as_of)
            assert (days[-1], pytest.approx(row["value"])) in [(d, v) for d, v in person.facts[row["fact"]]]
        newest = oracle.raised(person, rules[tag], began, ended, as_of)[-1]
        again += newest > began
        assert newest == began or max(days) >= newest
    assert again > 100


def test_follow_ups_equal_the_oracle(
    built: Settings, people: list[oracle.Person], held: dict[int, list[oracle.Tag]], seeds: Path, as_of: date
) -> None:
    rules, plans = oracle.rules(seeds), oracle.seed(seeds, "follow_up_plans")
    found = [row[:12] for row in read(built, DUE)]
    expected = [
        (key, d.tag, d.plan, d.raised_on, d.occurrence, d.due_date, d.status, d.done_date, d.contact_key,
         d.overdue_days, d.failed, d.escalation)
        for key, of in held.items()
        for d in oracle.due(people[key - crowd.FIRST_PERSON], of, rules, plans, as_of)
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
    """Tags are what held then and rest on what was known then; follow-ups keep their keys and due dates."""
    now, due_now = read(built, TAGS), {row[-1]: row[5] for row in read(built, DUE)}
    rebuild(built, PAST.isoformat())
    then, due_then = read(built, TAGS), {row[-1]: row[5] for row in read(built, DUE)}
    rebuild(built)
    known = [row for row in now if row[2] <= PAST]
    assert [row[:4] for row in then] == [
        (key, tag, began, until if until is not None and until <= PAST else None) for key, tag, began, until, _ in known
    ]
    newer = 0
    for (*_, said), (*_, says) in zip(then, known, strict=True):
        assert all(row["date"] <= PAST.isoformat() for row in said)
        if any(row["date"] > PAST.isoformat() for row in says):
            newer += 1
        else:
            assert said == says
    assert newer > 100
    assert due_then
    assert due_then.items() <= due_now.items()


def test_slopes_and_projections_equal_scipys(built: Settings, people: list[oracle.Person], seeds: Path) -> None:
    found = {(key, indicator): rest for key, indicator, *rest in read(built, SLOPES)}
    limits, crossing = thresholds(seeds), 0
    for n, person in enumerate(people):
        for indicator in crowd.MEASURED:
            rows: list[Row] = [{"exam_date": on, "value": value} for on, value in person.facts.get(indicator, [])]
            said = found.pop((crowd.FIRST_PERSON + n, indicator), None)
            expected = slope(rows)
            assert (said is None) == (expected is None)
            if said is None or expected is None:
                continue
            assert said[:3] == per_year(expected.slope, expected.low_slope, expected.high_slope)
            ahead = projection(rows, limits.get((indicator, person.sex)))
            crossing += ahead is not None
            assert said[3] == (ahead and ahead[0])
            assert all(abs((a - b).days) <= 1 for a, b in zip(said[4:], ahead[1:] if ahead else (), strict=False))
            assert (said[4] is None) == (ahead is None)
    assert found == {}
    assert crossing > 20, "three or four values have no interval, and so no crossing"


def test_outcomes_equal_the_oracle(built: Settings, people: list[oracle.Person], seeds: Path) -> None:
    expected = {o.key: o for o in outcomes.outcomes(people, oracle.seed(seeds, "programme_targets"))}
    told = read(built, f"""
        select intervention_key, before_date, value_before, after_date, value_after, comparison_exam_key, effect
        from ({compiled(built, "fct_intervention_outcome")}) as told where site = 'oracle'
    """)  # noqa: S608  # fmt: skip
    assert {row[0] for row in told} == expected.keys()
    for key, *row, effect in told:
        of = expected[key]
        after = of.value.after or (None, None)
        assert row == [of.value.on, of.value.value, *after, of.compared and of.compared.exam]
        assert effect == (of.effect if of.effect is None else pytest.approx(of.effect))
    assert sum(o.compared is not None for o in expected.values()) > 400
    timed = read(built, f"""
        select intervention_key, arm, person_key, time_days, observed
        from ({compiled(built, "fct_time_to_goal")}) as told where site = 'oracle'
    """)  # noqa: S608  # fmt: skip
    assert sorted(timed) == sorted(
        (o.key, arm, crowd.FIRST_PERSON + (o.value if arm == "enrolled" else o.compared).who, *days)
        for o in expected.values()
        for arm, days in o.to_goal.items()
    )
    assert {observed for *_, observed in timed} == {True, False}
