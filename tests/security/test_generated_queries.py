"""Hundreds of generated queries as two analysts, in SQL Lab and behind charts: no row of a site that is not theirs.

The long version, ten thousand, is tests/faults/test_generated_queries.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.security.generated import Analyst, ask

SQL_LAB, CHARTS = 100, 30


@pytest.fixture(scope="module")
def analysts(superset_url: str) -> Iterator[list[Analyst]]:
    made = [Analyst.sign_in("analyst_hz", "hz"), Analyst.sign_in("analyst_sh", "sh")]
    yield made
    for each in made:
        each.superset.__exit__(None, None, None)


def test_no_query_gives_a_foreign_row(analysts: list[Analyst]) -> None:
    found = [ask(analyst, seed, SQL_LAB, CHARTS) for seed, analyst in enumerate(analysts)]
    assert [f.foreign for f in found] == [[], []]
    for each in found:
        assert each.answered > SQL_LAB // 4, "most would have been refused: nothing was proven"
        assert each.own > 0


def test_the_look_out_sees_foreign_rows(analysts: list[Analyst]) -> None:
    """Told that the analyst is of another site, it takes their own rows for foreign ones."""
    mistaken = replace(analysts[0], site="sh")
    assert len(ask(mistaken, 7, 20, 5).foreign) > 3
