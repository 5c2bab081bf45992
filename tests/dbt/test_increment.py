"""A build that takes over what nothing happened to equals one that computes everything, table by table, row by row."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.dbt import crowd
from tests.dbt.test_build import FINGERPRINT, project  # noqa: F401
from wellhouse import build as runner
from wellhouse import increment
from wellhouse.errors import WellhouseError
from wellhouse.ops import bootstrap
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

PEOPLE = 40
EVERYTHING = FINGERPRINT.replace("('marts', 'population')", "('marts', 'population', 'staging', 'intermediate')")
STATE = {"landed", "touched_person", "touched_exam", "touched_load", "touched_site_year", "built", "built_from",
         "built_population", "built_closed", "begun"}  # fmt: skip
"""Tables of the increment itself."""
OF_A_BUILD = {"int_exam__ranked"}
"""Made for whoever is computed in a build; ``fct_indicator_trend`` shows what they are for."""
LATER = crowd.LOAD + 1
ONE, TWO, KEPT, GONE, ERASED, RESTRICTED, TOLD, ENROLLED = (crowd.FIRST_PERSON + n for n in range(8))
NEW = crowd.FIRST_PERSON + PEOPLE
KEYS = {"load": crowd.LOAD, "later": LATER, "site": crowd.SITE, "one": ONE, "two": TWO, "kept": KEPT, "gone": GONE,
        "erased": ERASED, "new": NEW, "told": TOLD, "enrolled": ENROLLED}  # fmt: skip

A_RESULT = """
    insert into landing.observation (load_id, row_number, exam_key, person_key, indicator_code, value_raw, unit_raw,
                                     value, unit, status)
    select %(later)s, 1, exam_key, person_key, indicator_code, '150', unit_raw, 150, unit, {}
    from landing.observation where load_id = %(load)s and indicator_code = {} and person_key = %(one)s limit 1
"""
LANDS = (
    A_RESULT.format("'final'", "'SBP'"),  # a correction
    A_RESULT.format("'entered-in-error'", "'FPG'"),  # a result is taken back
    # a file of years ago comes late
    """insert into landing.exam (load_id, row_number, exam_key, person_key, site, exam_date)
       values (%(later)s, 2, 999999999, %(one)s, %(site)s, '2012-05-05')""",
    """insert into landing.observation (load_id, row_number, exam_key, person_key, indicator_code, value_raw, unit_raw,
                                        value, unit)
       values (%(later)s, 2, 999999999, %(one)s, 'SBP', '111', 'mm[Hg]', 111, 'mm[Hg]')""",
    # an exam was another day
    """insert into landing.exam (load_id, row_number, exam_key, person_key, site, exam_date)
       select %(later)s, 5, exam_key, person_key, site, exam_date - 400 from landing.exam
       where load_id = %(load)s and person_key = %(one)s order by exam_date desc limit 1""",
    # a birth year is told another way
    """insert into landing.person (load_id, row_number, person_key, site, sex, birth_year)
       values (%(later)s, 3, %(two)s, %(site)s, 'female', 1951)""",
)
# a doctor hears of a disease, which changes no series but may change tags and whom a population counts
SAID = """insert into landing.consultation (load_id, row_number, consultation_key, person_key, site, consultation_date,
                                           hypertension_history, diabetes_history, bp_medication)
          values (%(later)s, 4, 999999997, %(told)s, %(site)s, '2024-06-01', true, true, true)"""
# somebody begins a programme and is compared with nobody's any more
ENROLS = """insert into landing.intervention (load_id, row_number, intervention_key, person_key, site, programme,
                                             start_date, status)
            select %(later)s, 6, 999999996, person_key, site, 'weight', max(exam_date) + 10, 'active'
            from landing.exam where load_id = %(load)s and person_key = %(enrolled)s group by person_key, site"""
MERGED = [f"update landing.{t} set person_key = %(kept)s where person_key = %(gone)s" for t in crowd._TABLES]  # noqa: S608
# exams go back, their results stay, as when results were sent again while two were one
PARTED = ["update landing.exam set person_key = %(gone)s where person_key = %(kept)s and exam_key %% 2 = 1"]
ERASES = [f"delete from landing.{t} where person_key = %(erased)s" for t in crowd._TABLES]  # noqa: S608

# another result of a known person, and one of somebody new that belongs to no exam, which a test of dbt finds
STRANGE = (
    """insert into landing.observation (load_id, row_number, exam_key, person_key, indicator_code, value_raw, unit_raw,
                                        value, unit)
       select %(later)s, 9, exam_key, person_key, 'SBP', '199', 'mm[Hg]', 199, 'mm[Hg]' from landing.exam
       where load_id = %(load)s and person_key = %(two)s
       union all
       select %(later)s, 9, 999999998, %(new)s, 'SBP', '199', 'mm[Hg]', 199, 'mm[Hg]'""",
)
TAKEN_BACK = ("delete from landing.observation where load_id = %(later)s and row_number = 9",)


def everything(of: Settings, whole: bool = False) -> tuple[int | None, ...]:
    """How many persons were computed anew before scoring and after it."""
    return tuple(done.touched for done in runner.everything(of, whole))


def touched(of: Settings, files: Path) -> tuple[int | None, ...]:
    """How many would be."""
    return tuple(increment.begin(of, selector, files) for selector in increment.CARRIED)


@pytest.fixture(scope="module")
def landed_twice(built: Settings) -> Iterator[Settings]:
    """Some people more, and a complete build on which others go on."""
    drawn = crowd.draw(PEOPLE, 11, date(2024, 6, 1))
    with crowd.landed(built, drawn):
        everything(built, whole=True)
        yield built
        with administrator(built, built.database) as server:
            for table in ("person", "exam", "observation", "consultation", "intervention"):
                server.execute(f"delete from landing.{table} where load_id = {LATER}")  # noqa: S608
    everything(built, whole=True)


@pytest.fixture
def server(landed_twice: Settings) -> Iterator[psycopg.Connection]:
    with administrator(landed_twice, landed_twice.database) as connection:
        yield connection


def rows(server: psycopg.Connection) -> dict[str, str]:
    """A hash of every row of every table that dbt makes."""
    found = server.execute(EVERYTHING)  # type: ignore[call-overload]
    return {table: content for table, _, content in found if table.split(".")[1] not in STATE | OF_A_BUILD}


def differences(of: Settings, server: psycopg.Connection) -> tuple[tuple[int | None, ...], list[str]]:
    """How many persons were computed anew, and the tables that differ from those of a build of everything."""
    touched = everything(of)
    found = rows(server)
    everything(of, whole=True)
    expected = rows(server)
    return touched, [table for table, content in expected.items() if found[table] != content]


def happen(server: psycopg.Connection, *statements: str) -> None:
    for statement in statements:
        server.execute(statement, KEYS)  # type: ignore[call-overload]


def test_what_happens_to_some_changes_what_a_build_of_everything_changes(
    landed_twice: Settings, server: psycopg.Connection
) -> None:
    """Each thing to other people, so that none hides what another one leaves behind."""
    before = rows(server)
    seen = "select count(*) from marts.fct_stage_summary where person_key = any(%s)"
    server.execute("insert into access.restriction (person_key, purpose) values (%s, 'a test')", (RESTRICTED,))
    try:
        others = "select count(*) from intermediate.int_intervention__compared where person_key = %s"
        ((compared,),) = server.execute(others, (ENROLLED,)).fetchall()
        happen(server, *LANDS, SAID, ENROLS, *MERGED, *ERASES)
        assert differences(landed_twice, server) == ((8, 7), [])
        assert server.execute(others, (ENROLLED,)).fetchall()[0][0] < compared
        assert server.execute(seen, ([ERASED, RESTRICTED],)).fetchone() == (0,)
    finally:
        server.execute("delete from access.restriction where person_key = %s", (RESTRICTED,))
    after = rows(server)
    for table in ("fct_observation", "fct_stage_summary", "fct_indicator_trend", "fct_person_tag"):
        assert after[f"marts.{table}"] != before[f"marts.{table}"]
    happen(server, *PARTED)
    assert differences(landed_twice, server) == ((3, 3), [])
    assert server.execute(seen, ([RESTRICTED],)).fetchone() != (0,)


def test_what_a_failed_build_left_is_made_good(landed_twice: Settings, server: psycopg.Connection) -> None:
    """It failed with what is gone again when the next one begins."""
    happen(server, *STRANGE)
    failed = runner.build(landed_twice, "before_scoring")
    assert (failed.passed, failed.touched) == (False, 2)
    happen(server, *TAKEN_BACK)  # so nothing of it was ever shown, nor do rules know of it
    assert differences(landed_twice, server) == ((2, 0), [])


def test_a_new_range_computes_everything_and_a_new_rule_what_it_touches(
    landed_twice: Settings,
    project: Path,  # noqa: F811
) -> None:
    assert touched(landed_twice, landed_twice.root / "dbt_project") == (0, 0)
    for seed, expected in (("follow_up_plans", (0, 0)), ("tag_rules", (0, None)), ("reference_ranges", (None, None))):
        path = project / f"seeds/{seed}.csv"
        path.write_text(path.read_text().replace("2", "3"))
        assert touched(landed_twice, project) == expected


def test_scores_of_another_model_compute_what_is_made_of_scores(
    landed_twice: Settings, server: psycopg.Connection
) -> None:
    files = landed_twice.root / "dbt_project"
    server.execute("update risk.model set registered_at = now() where model = 'china_par'")
    assert touched(landed_twice, files) == (0, None)
    everything(landed_twice)
    assert touched(landed_twice, files) == (0, 0)
    renamed = "update risk.model set source = %s where model = 'china_par'"
    (source,) = server.execute("select source from risk.model where model = 'china_par'").fetchone() or ("",)
    server.execute(renamed, ("another",))
    assert touched(landed_twice, files) == (0, None)
    server.execute(renamed, (source,))


def test_a_table_made_by_hand_or_lost_computes_everything(landed_twice: Settings, server: psycopg.Connection) -> None:
    files = landed_twice.root / "dbt_project"
    assert touched(landed_twice, files) == (0, 0)
    done = runner.dbt(landed_twice, "run", "--select", "int_rule__met")
    assert done.returncode == 0, done.stdout[-2000:]
    assert touched(landed_twice, files) == (0, None)
    done = runner.dbt(landed_twice, "run", "--select", "int_stage__yearly")
    assert done.returncode == 0, done.stdout[-2000:]
    assert touched(landed_twice, files) == (None, None)
    assert everything(landed_twice) == (None, None)
    assert touched(landed_twice, files) == (0, 0)


def test_a_crash_shows_nobody_marts_of_what_it_emptied(landed_twice: Settings) -> None:
    def shown() -> dict[str, str]:
        with administrator(landed_twice, landed_twice.database) as server:
            return {table: content for table, _, content in server.execute(FINGERPRINT).fetchall()}  # type: ignore[call-overload]

    everything(landed_twice)
    before = shown()
    with administrator(landed_twice) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)  # the server ends all others and recovers
    bootstrap.wait(landed_twice)
    with pytest.raises(WellhouseError, match="dbt build --selector before_scoring"):
        runner.build(landed_twice, "after_scoring")
    assert shown() == before
    assert runner.build(landed_twice, "before_scoring").touched is None
    with administrator(landed_twice, landed_twice.database) as server:
        server.execute("truncate intermediate.begun")  # as a crash between two models would
    told = json.dumps({"begun": "after_scoring"})
    done = runner.dbt(landed_twice, "build", "--selector", "after_scoring", "--vars", told)
    assert done.returncode != 0
    assert "PostgreSQL crashed or somebody was erased while marts were built" in done.stdout
    assert shown() == before
    assert everything(landed_twice) == (0, None)
    assert shown() == before


def test_every_model_that_takes_over_is_watched(project_root: Path) -> None:
    taking = {p.stem for p in (project_root / "dbt_project/models").rglob("*.sql") if "call carry(" in p.read_text()}
    assert taking == {table.split(".")[1] for tables in increment.CARRIED.values() for table in tables}


def test_nothing_reads_a_mart_of_which_only_new_rows_are_made(project_root: Path) -> None:
    """The others are still where readers see them while a build goes on."""
    models = {p.stem: p.read_text() for p in (project_root / "dbt_project").rglob("*.sql")}
    made_new = {name for name, text in models.items() if "shown=true" in text.partition("%}")[0]}
    assert {"fct_observation", "rpt_population_trend"} <= made_new
    assert {
        name: read for name, text in models.items() if (read := made_new & {*increment._REFERS.findall(text)})
    } == {}
