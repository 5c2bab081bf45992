"""Ten thousand generated queries as two analysts: no row of a site that is not theirs."""

from __future__ import annotations

import pytest

from tests.security.generated import Analyst, ask

SQL_LAB, CHARTS = 4_000, 1_000


@pytest.mark.parametrize(("username", "site"), [("analyst_hz", "hz"), ("analyst_sh", "sh")])
def test_no_query_gives_a_foreign_row(superset_url: str, username: str, site: str) -> None:
    analyst = Analyst.sign_in(username, site)
    with analyst.superset:
        # a token lives for a quarter of an hour: new ones on the way
        for seed in range(20):
            found = ask(analyst, 1000 + seed, SQL_LAB // 20, CHARTS // 20)
            assert found.foreign == []
            if seed % 4 == 3:
                analyst.superset = Analyst.sign_in(username, site).superset
