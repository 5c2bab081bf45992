# ruff: noqa: S608 (the names of tables come from this file and from the catalogue)
"""Two analysts of different sites, management and an administrator over every path Superset has to rows."""

from __future__ import annotations

import csv
import hashlib
import io
import ssl
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pandas as pd
import psycopg
import pytest

from tests.second_factor import code
from wellhouse.errors import WellhouseError
from wellhouse.settings import PROJECT_ROOT, settings
from wellhouse.superset import assets, roles, row_rules, users
from wellhouse.superset.client import Superset

PERSON_LEVEL = tuple(
    dataset for rule in row_rules.load(PROJECT_ROOT / "dashboards" / "access" / "row_level_security.yaml").rules
    if rule.clause.startswith("site = ANY") for dataset in rule.datasets
)  # fmt: skip
OF_A_PERSON = {
    f"{d['schema']}.{d['table_name']}"
    for d in assets.load(PROJECT_ROOT / "dashboards" / "assets")["datasets"].values()
    if "person_key" in {c["column_name"] for c in d["columns"]}
}
AGGREGATES = ("population.rpt_population_coverage",)
ANALYSTS = (("analyst_hz", "hz"), ("analyst_sh", "sh"), ("manager_hz", "hz"))
Rows = Callable[[httpx.Response], list[dict[str, Any]]]
People = Callable[[str], Any]


def test_the_sample_has_rows_of_several_sites(truth: psycopg.Connection) -> None:
    """Otherwise nothing below proves anything."""
    for table in PERSON_LEVEL:
        found = truth.execute(f"select count(distinct site) from {table}".encode()).fetchone()
        assert found is not None
        assert found[0] >= 3, table


@pytest.mark.parametrize(("username", "site"), ANALYSTS)
@pytest.mark.parametrize("dataset", PERSON_LEVEL)
def test_chart_data(
    person: People, rows_of: Rows, truth: psycopg.Connection, username: str, site: str, dataset: str
) -> None:
    count = {"expressionType": "SQL", "sqlExpression": "COUNT(*)", "label": "n"}
    found = rows_of(person(username).chart(dataset, ["site"], metrics=[count]))
    expected = truth.execute(f"select count(*) from {dataset} where site = %s".encode(), (site,)).fetchone()
    assert expected is not None
    assert found == [{"site": site, "n": expected[0]}]


@pytest.mark.parametrize(
    "forged",
    [
        {"filters": [{"col": "site", "op": "==", "val": "sh"}]},
        {"filters": [{"col": "site", "op": "IN", "val": ["hz", "sh", "cd"]}]},
        {"extras": {"where": "1 = 1) OR (1 = 1"}},
        {"extras": {"where": "site = 'sh' OR 1 = 1"}},
        {"extras": {"where": "site IN (SELECT site FROM marts.dim_site)"}},
        {"extras": {"having": "1 = 1 OR 1 = 1"}},
        {"apply_fetch_values_predicate": True},
    ],
)
def test_forged_chart_queries(person: People, rows_of: Rows, forged: dict[str, Any]) -> None:
    found = rows_of(person("analyst_hz").chart("marts.fct_exam", ["site"], **forged))
    assert {r["site"] for r in found} <= {"hz"}


def test_a_second_reader_never_gets_the_first_ones_cached_rows(person: People) -> None:
    """The very same question by three people, and by the first again: answered from the cache, each their own."""
    question = {"columns": ["site", "person_key"], "orderby": [["person_key", True]]}
    answers = {}
    for username, site in (("analyst_hz", "hz"), ("analyst_sh", "sh"), ("analyst_hz", "hz"), ("analyst_sh", "sh")):
        answer = person(username).chart("marts.dim_person", **question).json()["result"][0]
        assert {r["site"] for r in answer["data"]} == {site}
        answers.setdefault(username, []).append(answer)
    keys = {answer["cache_key"] for each in answers.values() for answer in each}
    assert len(keys) == 2
    assert answers["analyst_hz"][0]["data"] == answers["analyst_hz"][1]["data"]


def test_the_second_fence_is_in_the_queries_themselves(person: People) -> None:
    """Superset's own rule, beside the policy that PostgreSQL applies anyway."""
    clause = "access.my_sites()"
    analyst = person("analyst_hz")
    assert clause in analyst.chart("marts.fct_exam", ["site"]).json()["result"][0]["query"].lower()
    executed = analyst.sql("select site from marts.fct_exam").json()["query"]["executedSql"]
    assert clause in executed.lower()


@pytest.mark.parametrize(("username", "site"), ANALYSTS)
def test_csv_export(person: People, username: str, site: str) -> None:
    answer = person(username).chart("marts.fct_exam", ["site", "exam_year"], kind="csv")
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf"), "Excel in Chinese needs the mark"
    found = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(found) > 1
    assert {r[0] for r in found[1:]} == {site}


@pytest.mark.parametrize("dataset", PERSON_LEVEL)
def test_samples(person: People, rows_of: Rows, dataset: str) -> None:
    found = rows_of(person("analyst_sh").samples(dataset))
    assert found
    assert {r["site"] for r in found} == {"sh"}


@pytest.mark.parametrize(("username", "site"), ANALYSTS)
@pytest.mark.parametrize("dataset", PERSON_LEVEL)
def test_drill_to_detail(
    person: People, rows_of: Rows, truth: psycopg.Connection, username: str, site: str, dataset: str
) -> None:
    """The rows behind a number: of one's own site, all of them, whatever sites the click asks for."""
    asked = [{"col": "site", "op": "IN", "val": ["hz", "sh", "cd"]}]
    answer = person(username).samples(dataset, filters=asked)
    assert {r["site"] for r in rows_of(answer)} == {site}
    expected = truth.execute(f"select count(*) from {dataset} where site = %s".encode(), (site,)).fetchone()
    assert expected is not None
    assert answer.json()["result"]["total_count"] == expected[0]


@pytest.mark.parametrize("where", ["site = 'sh' OR 1 = 1", "1 = 1) OR (1 = 1"])
def test_drill_to_detail_with_a_forged_click(person: People, rows_of: Rows, where: str) -> None:
    found = rows_of(person("analyst_hz").samples("marts.fct_exam", filters=[], extras={"where": where}))
    assert {r["site"] for r in found} <= {"hz"}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("result", ["samples", "drill_detail"])
@pytest.mark.parametrize(("username", "site"), ANALYSTS)
def test_details_leave_as_every_file_does(person: People, username: str, site: str, result: str, kind: str) -> None:
    answer = person(username).chart("marts.fct_risk_score", [], kind, result, row_limit=50)
    assert answer.status_code == 200, answer.text
    table = (pd.read_csv if kind == "csv" else pd.read_excel)(io.BytesIO(answer.content), dtype=str)
    assert set(table.filter(like="Site").iloc[:, 0]) == {site}
    assert kind == "xlsx" or answer.content.startswith(b"\xef\xbb\xbf")
    assert b"<a href=" not in answer.content
    assert answer.headers["X-Wellhouse-Rows"] == str(len(table))
    assert answer.headers["X-Wellhouse-Truncated"] == "true"
    assert answer.headers["X-Wellhouse-SHA256"] == hashlib.sha256(answer.content).hexdigest()


def test_a_second_reader_never_gets_the_first_ones_details(person: People, rows_of: Rows) -> None:
    for username, site in ANALYSTS * 2:
        found = rows_of(person(username).samples("marts.dim_person", filters=[]))
        assert {r["site"] for r in found} == {site}


@pytest.mark.parametrize("dataset", PERSON_LEVEL)
def test_values_a_filter_offers(person: People, truth: psycopg.Connection, dataset: str) -> None:
    assert person("analyst_hz").values(dataset, "site").json()["result"] == ["hz"]
    if dataset not in OF_A_PERSON:
        return
    offered = person("analyst_hz").values(dataset, "person_key").json()["result"]
    own = truth.execute(f"select distinct person_key from {dataset} where site = 'hz'".encode()).fetchall()
    assert offered
    assert {int(k) for k in offered} <= {k for (k,) in own}


@pytest.mark.parametrize(("username", "site"), ANALYSTS[:2])
def test_sql_lab(person: People, rows_of: Rows, username: str, site: str) -> None:
    answer = person(username).sql("select site, count(*) as n from marts.fct_indicator_trend group by site")
    assert answer.status_code == 200, answer.text
    assert {r["site"] for r in rows_of(answer)} == {site}


@pytest.mark.parametrize(
    "text",
    [
        "set role wh_transform; select site from marts.dim_person",
        "reset role; select site from marts.dim_person",
        "set session authorization postgres; select site from marts.dim_person",
        "set row_security = off; select site from marts.dim_person",
        "select set_config('role', 'wh_transform', false), site from marts.dim_person",
        "select set_config('session_authorization', 'postgres', false), site from marts.dim_person",
        "with x as (select pg_catalog.set_config('role', 'wh_u_analyst_sh', false) as r)"
        " select d.site, x.r from marts.dim_person d, x",
        "do $$ begin execute 'set role wh_transform'; end $$; select site from marts.dim_person",
        "select site from (select * from marts.dim_person) x union all select site from marts.dim_person",
        "select d.site from marts.dim_person d tablesample system (100)",
        "select site from only marts.dim_person",
        "table marts.dim_person",
        "select (row_to_json(d)->>'site') as site from marts.dim_person d",
        "with dim_person as (select * from marts.dim_person) select site from dim_person",
        'select site from "marts"."dim_person" /* ) or (1=1 */ -- ',
        "select query_to_xml('select site from marts.dim_person', true, false, '') as site",
        "select g.site from access.site_grant g",
        "select r.username as site from access.reader r",
        "select site from vault.person_site",
        "select site from landing.exam",
        "select site from intermediate.int_exam__interpreted",
        "select site from risk.score",
        "select rolpassword as site from pg_authid",
        "select convert_from(pg_read_binary_file('/etc/passwd'), 'UTF8') as site",
        "copy (select site from marts.dim_person) to program 'cat'",
        "select lo_import('/etc/passwd') as site",
    ],
)  # fmt: skip
def test_sql_that_tries_to_become_somebody_else(person: People, rows_of: Rows, text: str) -> None:
    found = rows_of(person("analyst_hz").sql(text))
    assert {r["site"] for r in found} <= {"hz"}


@pytest.mark.parametrize(
    "text",
    [
        "create table marts.mine as select 1", "update marts.dim_person set site = 'hz'", "delete from marts.fct_exam",
        "create temp table t as select * from marts.dim_person", "drop table marts.fct_exam",
        "select access.grant_site('analyst_hz', 'sh', null)", "grant wh_transform to wh_u_analyst_hz",
        "insert into access.site_grant values ('analyst_hz', 'sh')", "alter role wh_u_analyst_hz superuser",
    ],
)  # fmt: skip
def test_sql_that_tries_to_change_something(person: People, text: str) -> None:
    assert person("analyst_hz").sql(text).is_error


@pytest.mark.parametrize(
    "text",
    [
        "set statement_timeout = 0; select 1", "set local lock_timeout = 0", "show all", "reset all", "listen x",
        "explain analyze select 1 from marts.fct_observation where person_key = 1", "prepare p as select 1",
        "select pg_try_advisory_lock(1)", "select pg_advisory_lock_shared(1)",
        "select * from ts_stat('select pg_advisory_lock(1)::text::tsvector')",
    ],
)  # fmt: skip
def test_sql_that_is_no_query_or_stops_others(person: People, text: str) -> None:
    assert person("analyst_hz").sql(text).is_error


@pytest.mark.parametrize(
    "expression",
    [
        "max(pg_advisory_lock(1)::text)", "max(pg_try_advisory_lock_shared(1)::text)", "max(pg_sleep(1)::text)",
        "max(query_to_xml('select 1', true, false, '')::text)", "max(set_config('work_mem', '1GB', false))",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("username", "dataset"), [("analyst_hz", "marts.fct_exam"), ("management", AGGREGATES[0])])
def test_a_charts_own_metric_calculates_and_nothing_else(
    person: People, username: str, dataset: str, expression: str
) -> None:
    metric = {"expressionType": "SQL", "sqlExpression": expression, "label": "m"}
    assert person(username).chart(dataset, [], metrics=[metric]).is_error
    harmless = metric | {"sqlExpression": "count(*)"}
    assert not person(username).chart(dataset, [], metrics=[harmless]).is_error


def test_a_restricted_person_is_in_no_answer_that_was_kept(person: People) -> None:
    def keys() -> set[int]:
        answer = person("analyst_hz").chart("marts.dim_person", ["person_key"])
        return {int(r["person_key"]) for r in answer.json()["result"][0]["data"]}

    def subject(*words: str) -> None:
        subprocess.run(["wellhouse", "subject", *words, "--purpose", "test"], check=True, capture_output=True)

    everybody = keys()
    one = min(everybody)
    subject("restrict", str(one))
    try:
        assert keys() == everybody - {one}
    finally:
        subject("unrestrict", str(one))
    assert keys() == everybody


def test_results_of_sql_lab_are_for_their_owner(person: People) -> None:
    owner, other = person("analyst_hz"), person("analyst_sh")
    assert owner.sql("select site from marts.fct_exam").status_code == 200
    path = f"/api/v1/sqllab/export/{owner.queries[-1]}/"
    mine = owner.superset.request("GET", path)
    assert mine.status_code == 200
    assert mine.content.startswith(b"\xef\xbb\xbf")
    assert set(mine.content.decode("utf-8-sig").split()) == {"site", "hz"}
    theirs = other.superset.request("GET", path)
    assert theirs.is_error or "hz" not in theirs.text
    listed = other.superset.get("/api/v1/query/")["result"]
    assert {q["user"]["first_name"] for q in listed} <= {"analyst_sh"}


@pytest.mark.parametrize("dataset", PERSON_LEVEL)
def test_management_reaches_no_person_over_any_path(person: People, dataset: str) -> None:
    management = person("management")
    assert management.chart(dataset, ["site"]).status_code == 403
    assert management.chart(dataset, ["site"], kind="csv").status_code == 403
    assert management.samples(dataset).is_error
    assert management.values(dataset, "site").is_error
    described = management.superset.request("GET", f"/api/v1/dataset/{management.datasets[dataset]}")
    assert described.status_code in (403, 404)
    assert management.sql(f"select site from {dataset}").is_error


def test_management_sees_aggregates_and_its_dashboard_only(person: People, rows_of: Rows) -> None:
    management = person("management")
    assert len({r["site"] for r in rows_of(management.chart(AGGREGATES[0], ["site"]))}) >= 3
    listed = management.superset.get("/api/v1/dashboard/")["result"]
    assert [d["slug"] for d in listed] == ["population-health"]
    assert management.superset.request("GET", "/api/v1/dashboard/indicator-trends").is_error
    assert management.superset.request("GET", "/api/v1/dashboard/indicator-trends/charts").is_error


@pytest.mark.parametrize("dataset", PERSON_LEVEL)
def test_an_administrator_sees_no_patient_row(person: People, rows_of: Rows, dataset: str) -> None:
    administrator = person("administrator")
    answers = [
        administrator.chart(dataset, ["site"]),
        administrator.samples(dataset),
        administrator.sql(f"select * from {dataset}"),
    ]
    assert [rows_of(a) for a in answers] == [[], [], []]
    assert administrator.values(dataset, "site").is_error


def test_an_auditor_sees_the_trail_and_no_row(person: People, rows_of: Rows) -> None:
    auditor = person("auditor")
    assert rows_of(auditor.chart("audit.event", ["reader"]))
    assert auditor.chart("marts.fct_exam", ["site"]).status_code == 403
    assert auditor.sql("select 1").is_error
    assert [d["slug"] for d in auditor.superset.get("/api/v1/dashboard/")["result"]] == ["audit"]


def test_the_trail_and_operations_are_for_their_role_only(person: People, rows_of: Rows) -> None:
    assert rows_of(person("administrator").chart("ops.load", ["site"]))
    assert rows_of(person("administrator").chart("quarantine.record", ["reason"]))
    assert rows_of(person("administrator").chart("audit.event", ["reader"])) == []
    for username in ("analyst_hz", "manager_hz", "management"):
        for dataset in ("audit.event", "ops.load", "ops.backup_state", "quarantine.record"):
            assert person(username).chart(dataset, ["site"]).status_code == 403
    assert rows_of(person("analyst_hz").sql("select reason from quarantine.record")) == []


def test_nobody_in_particular_is_asked_to_sign_in(superset_url: str, person: People) -> None:
    number = person("analyst_hz").datasets["marts.fct_exam"]
    question = {"datasource": {"id": number, "type": "table"}, "queries": [{"columns": ["site"]}]}
    verify = ssl.create_default_context(cafile=settings().tls / "ca.crt")
    with httpx.Client(base_url=superset_url, verify=verify, trust_env=False) as http:
        assert http.post("/api/v1/chart/data", json=question).status_code in (400, 401, 403)
        assert http.get("/api/v1/dashboard/").json().get("result", []) == []
        assert http.get("/superset/welcome/").is_redirect


def test_an_account_without_a_reader_in_postgresql_signs_in_nowhere(administrator: Superset) -> None:
    """Somebody who adds an account by hand in Superset opens no door: PostgreSQL does not know it."""
    password = "a-long-enough-password"  # noqa: S105
    users.ensure(administrator, "ghost", "analyst", password)
    with pytest.raises(WellhouseError, match="401"):
        Superset(settings(), "ghost", password, "123456")
    users.deactivate(administrator, "ghost")


def test_revocation_closes_an_open_session_at_once(administrator: Superset, person: People) -> None:
    def wellhouse(*arguments: str) -> None:
        subprocess.run(["wellhouse", *arguments], check=True, capture_output=True)

    wellhouse("user", "add", "leaver", "--role", "analyst", "--site", "cd")
    leaver = person("leaver")
    question = ("marts.fct_exam", ["site"])
    assert {r["site"] for r in leaver.chart(*question).json()["result"][0]["data"]} == {"cd"}
    wellhouse("user", "grant", "leaver", "--site", "sh")
    # the same question each time: an answer that was kept is of the sites of then
    assert {r["site"] for r in leaver.chart(*question).json()["result"][0]["data"]} == {"cd", "sh"}
    wellhouse("user", "revoke", "leaver", "--site", "cd")
    assert {r["site"] for r in leaver.chart(*question).json()["result"][0]["data"]} == {"sh"}
    wellhouse("user", "revoke", "leaver")
    assert leaver.chart(*question).status_code == 401, "even what is cached"
    with pytest.raises(WellhouseError, match="401"):
        Superset(settings(), "leaver", settings().secret("password_leaver"), code("leaver"))
    assert roles.numbers(administrator)["analyst"]
