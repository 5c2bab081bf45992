"""Nobody finds a group of 1 to 10 people in what is published, by any subtraction that the tables allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from wellhouse import build as runner
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

SMALL = range(1, 11)
TOWNS = 1500
EMPLOYERS = ("none", "#1", "#2", "#3", "#4", "#5", "#6", "#7", "#8", "#9", "#a", "#b")
GROUPS = {"18-39": slice(0, 2), "40-59": slice(2, 4), "60+": slice(4, 7)}
BANDS = ("18-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+")
Counts = tuple[str, int, str, str, str, str, int, int]


@pytest.fixture
def server(built: Settings) -> Iterator[psycopg.Connection]:
    """A connection that may look at what is not published, too; what it writes is gone afterwards."""
    with administrator(built, built.database) as connection:
        connection.autocommit = False
        yield connection
        connection.rollback()


def compiled(of: Settings, model: str, **made_up: str) -> str:
    """The SQL that dbt ran for a model, reading made-up tables instead of the ones named."""
    found = (runner.target(of) / "compiled").glob(f"wellhouse/models/*/*/{model}.sql")
    (path,) = (p for p in found if p.parent.name != "unit_tests.yml")
    text = path.read_text()
    for name, table in made_up.items():
        assert f'"intermediate"."{name}"' in text
        text = text.replace(f'"{of.database}"."intermediate"."{name}"', table)
    return text


def towns(rng: np.random.Generator) -> Iterator[Counts]:
    """Made-up towns, most of their groups small: a disease, and who of the sick knows, is treated, is well."""
    for n in range(TOWNS):
        shape = (2, len(BANDS), len(EMPLOYERS))
        # a few large employers and many small ones
        people = rng.poisson(rng.choice([12, 30, 90]) / 2 * rng.dirichlet(np.full(len(EMPLOYERS), 0.5)), shape)
        sick = rng.binomial(people, rng.choice([0.05, 0.3, 0.7]))
        measures = {"prevalence": (people, sick)} | {
            name: (sick, rng.binomial(sick, rng.choice([0.0, 0.4, 0.9])))
            for name in ("awareness", "treatment", "control")
        }
        for measure, (counted, events) in measures.items():
            cells = [("total", "all", counted.sum(), events.sum())]
            cells += [("sex", sex, counted[i].sum(), events[i].sum()) for i, sex in enumerate(("male", "female"))]
            cells += [("age_band", band, counted[:, i].sum(), events[:, i].sum()) for i, band in enumerate(BANDS)]
            cells += [("age_group", group, counted[:, of].sum(), events[:, of].sum()) for group, of in GROUPS.items()]
            cells += [
                ("employer", name, counted[..., i].sum(), events[..., i].sum()) for i, name in enumerate(EMPLOYERS)
            ]
            for division, stratum, size, happened in cells:
                if size:
                    yield f"t{n}", 2024, "disease", measure, division, stratum, int(size), int(happened)


def attack_rates(rows: list[tuple[Any, ...]]) -> list[str]:
    """Groups found by subtracting published strata from their published total, also with another measure's help."""
    found: list[str] = []
    known: dict[tuple[str, str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    for site, measure, division, stratum, size, events in rows:
        found += [f"{site} {measure} {stratum}"] if {size, events, size - events} & set(SMALL) else []
        known[site, measure, division][stratum] = (size, events)
    for (site, measure, division), strata in list(known.items()):
        total = known[site, measure, "total"].get("all")
        if division == "total" or total is None:
            continue
        # those whom prevalence finds are those whom awareness counts: what one hides the other may show
        helpers = dict(strata)
        rest = tuple(total[i] - sum(s[i] for s in helpers.values()) for i in (0, 1))
        if {*rest, rest[0] - rest[1]} & set(SMALL):
            found.append(f"{site} {measure} {division} by subtraction")
        sick = {s: events for s, (_, events) in known.get((site, "prevalence", division), {}).items()}
        sick |= {s: size for s, (size, _) in strata.items() if measure != "prevalence"}
        all_sick = known[site, "prevalence", "total"].get("all", (0, -1))[1]
        if all_sick >= 0 and all_sick - sum(sick.values()) in SMALL:
            found.append(f"{site} {measure} {division} by two measures")
    return found


def test_rates_of_made_up_towns(built: Settings, server: psycopg.Connection) -> None:
    rows = list(towns(np.random.default_rng(3)))
    server.execute(
        "create temporary table counted (site text, exam_year int, family text, measure text, division text,"
        " stratum text, person_count int, event_count int)"
    )
    with server.cursor().copy("copy counted from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    disclosed = compiled(built, "int_population__disclosed", int_population__counted="counted")
    server.execute(f"create temporary table disclosed as {disclosed}")
    query = compiled(built, "int_population__shown", int_population__disclosed="disclosed")
    published = server.execute(
        f"select site, measure, division, stratum, person_count, event_count from ({query}) as d where is_published"  # noqa: S608
    ).fetchall()
    everything = [(r[0], r[3], r[4], r[5], r[6], r[7]) for r in rows]
    assert len(attack_rates(everything)) > TOWNS  # the attack works
    only_primary = [r for r in everything if not {r[4], r[5], r[4] - r[5]} & set(SMALL)]
    assert len(attack_rates(only_primary)) > TOWNS / 4  # hiding small groups alone does not
    assert attack_rates(published) == []
    assert len([r for r in published if r[2] == "age_band"]) > TOWNS / 2  # and yet much is shown
    assert len([r for r in published if r[2] == "employer"]) > TOWNS / 3  # most of theirs are small
    ages: dict[str, set[bool]] = defaultdict(set)
    for site, _, division, stratum, _, _ in published:
        if division == "age_band":
            ages[site].add(stratum in GROUPS)
    assert {len(kinds) for kinds in ages.values()} == {1}, "bands less groups would be what is hidden"
    assert {True} in ages.values()
    assert {False} in ages.values()


def attack_cells(shown: dict[tuple[str, str, str], int], truth: dict[tuple[str, str, str], int]) -> list[str]:
    """Subtract what is shown of a sex, a band and a town from their totals, as other reports give them."""
    found = [str(cell) for cell, size in shown.items() if size in SMALL]
    for by in ((0,), (0, 1), (0, 2)):
        rest: dict[tuple[str, ...], int] = defaultdict(int)
        for cell, size in truth.items():
            rest[tuple(cell[i] for i in by)] += size - shown.get(cell, 0)
        totals: dict[tuple[str, ...], int] = defaultdict(int)
        for cell, size in truth.items():
            totals[tuple(cell[i] for i in by)] += size
        # a total under 11 is in no report
        found += [f"{group} by subtraction" for group, left in rest.items() if left in SMALL and totals[group] > 10]
    return found


def test_cells_of_made_up_towns(built: Settings, server: psycopg.Connection) -> None:
    rng = np.random.default_rng(4)
    truth = {
        (f"t{n}", sex, band): int(rng.integers(0, rng.choice([12, 40])))
        for n in range(300)
        for sex in ("male", "female")
        for band in BANDS
    }
    server.execute(
        "create temporary table cells (site text, sex text, age_band text, size int);"
        "create temporary table interpreted (person_key bigint, site text, exam_year int, indicator_code text,"
        " sex text, age_band text, value float)"
    )
    with server.cursor().copy("copy cells from stdin") as copy:
        for (site, sex, band), size in truth.items():
            copy.write_row((site, sex, band, size))
    server.execute(
        "insert into interpreted select row_number() over (), site, 2024, 'A', sex, age_band, 1"
        " from cells, generate_series(1, size)"
    )
    query = compiled(built, "int_population__crossed", int_exam__interpreted="interpreted")
    bands = {
        (site, band)
        for site, band in server.execute(
            f"select site, age_band from ({query}) as c where is_published"  # noqa: S608
        )
    }
    primary = {cell: size for cell, size in truth.items() if size > 10}
    shown = {cell: size for cell, size in primary.items() if (cell[0], cell[2]) in bands}
    assert len(attack_cells(primary, truth)) > 100
    assert attack_cells(shown, truth) == []
    assert len(shown) > 100


Moves = dict[tuple[str, str, str], int]


def attack_moves(shown: Moves, held: dict[tuple[str, str], int], truth: Moves) -> list[str]:
    """What a table of moves between bands gives away.

    Less what is shown: of a band whose size is published, and of everybody, as who knows how many were scored can.
    """
    found = [str(move) for move, size in shown.items() if size in SMALL]
    left = dict(held)
    everybody: dict[str, int] = defaultdict(int)
    for (town, _, _), size in truth.items():
        everybody[town] += size
    for (town, band, _), size in shown.items():
        everybody[town] -= size
        if (town, band) in left:
            left[town, band] -= size
    found += [f"{town} by subtraction" for town, size in everybody.items() if size in SMALL]
    return found + [f"{band} by subtraction" for band, size in left.items() if size in SMALL]


def test_moves_between_bands_of_made_up_towns(built: Settings, server: psycopg.Connection) -> None:
    rng = np.random.default_rng(5)
    bands = ("low", "intermediate", "high")
    truth = {
        (f"t{n}", before, after): int(rng.integers(0, most))
        for n in range(400)
        for most in [int(rng.choice([12, 30, 90]))]
        for before in bands
        for after in bands
    }
    server.execute(
        "create temporary table moved (site text, band_from text, band_to text, size int);"
        "create temporary table banded (site text, exam_year int, model text, category_before text, category text)"
    )
    with server.cursor().copy("copy moved from stdin") as copy:
        for move, size in truth.items():
            copy.write_row((*move, size))
    server.execute(
        "insert into banded select site, 2024, 'm', band_from, band_to from moved, generate_series(1, size)"
        " union all select site, 2024, 'm', null, 'low' from moved"  # not scored the year before
    )
    query = compiled(built, "int_population__migrated", int_risk__banded="banded")
    rows = server.execute(
        f"select site, band_from, band_to, person_count, from_count from ({query}) as m where is_published"  # noqa: S608
    ).fetchall()
    shown = {(site, before, after): size for site, before, after, size, _ in rows}
    held = {(site, before): size for site, before, _, _, size in rows if size is not None}
    assert all(truth[move] == size for move, size in shown.items())
    of_band: dict[tuple[str, str], int] = defaultdict(int)
    for (site, before, _), size in truth.items():
        of_band[site, before] += size
    assert all(of_band[band] == size for band, size in held.items())
    primary = {move: size for move, size in truth.items() if size > 10}
    assert len(attack_moves(primary, of_band, truth)) > 400  # the attack works
    assert len(attack_moves(primary, {}, truth)) > 40
    assert attack_moves(shown, held, truth) == []
    assert len(shown) > 1000
    assert len(held) > 300


def test_what_is_published_of_the_sample(built: Settings, server: psycopg.Connection) -> None:
    for table, measure, share in (
        ("rpt_population_rate", "measure", "share"),
        ("rpt_population_abnormal", "indicator_code", "abnormal_share"),
    ):
        rates = server.execute(
            f"select site || exam_year, {measure}, division, stratum, person_count,"  # noqa: S608
            f" round({share} * person_count)::int from population.{table}"
        ).fetchall()
        assert len(rates) > 50
        assert attack_rates(rates) == []
    # a standardised rate less the ages that are shown would give those that are not
    standardised = server.execute(
        "select s.person_count, sum(r.person_count)::int from population.rpt_population_standardised as s left join"
        " population.rpt_population_rate as r on (r.site, r.exam_year, r.measure) = (s.site, s.exam_year, s.measure)"
        " and r.division = 'age_band' group by s.site, s.exam_year, s.measure, s.person_count"
    ).fetchall()
    assert [row for row in standardised if row[0] != row[1]] == []
    for table in ("rpt_population_trend", "rpt_population_band_migration"):
        smallest = server.execute(f"select min(person_count) from population.{table}").fetchone()  # noqa: S608
        assert smallest is not None
        assert smallest[0] >= 11
