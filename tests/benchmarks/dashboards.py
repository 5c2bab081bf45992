"""Queries of every dashboard at ten million observations, under row-level security and beside the same by hand.

A sample is landed and built by dbt, then every person of the marts is multiplied under new keys, in the order in which
the models leave their rows. The queries are the ones Superset sends when people open the dashboards in a browser.
``python -m tests.benchmarks.dashboards`` prints the figures of ``make bench``. ``BENCH_MART_OBSERVATIONS`` scales it.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.benchmarks.figure import Figure, cost
from tests.browser import height, launched, open_dashboard, signed_in
from wellhouse import db
from wellhouse.ops import installation, services, supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings, settings

OBSERVATIONS = int(os.environ.get("BENCH_MART_OBSERVATIONS", "10000000"))
PEOPLE = 2_000
REPEATS = 5
READERS = 8
OPENED = {
    "analyst_hz": ("indicator-trends", "risk", "interventions"),
    "manager_hz": ("follow-up", "person-page"),
    "management": ("population-health",),
}
"""Who opens which dashboards."""
ORDER = {
    "fct_indicator_trend": "indicator_code, site, person_key, exam_date",
    "fct_stage_summary": "indicator_code, year_to, site, person_key",
}
"""As their models order them; the others lie as they come, person by person."""
FENCE = re.compile(r"\bsite = ANY\s*\(\(\s*SELECT\s+access\.my_sites\(\)\s*\)::text\[\]\)", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """A query that Superset sent for a reader."""

    reader: str
    dashboard: str
    text: str


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=PROJECT_ROOT)


def build(of: Settings) -> None:
    """What a new installation does with a sample."""
    wellhouse = str(Path(sys.executable).with_name("wellhouse"))
    run(wellhouse, "sample", "--people", str(PEOPLE), "--years", "6", "--output", str(of.inbox))
    run(wellhouse, "ingest", str(of.inbox), "--json")
    run(wellhouse, "dbt", "build", "--selector", "before_scoring")
    run(sys.executable, "-m", "models.score")
    run(wellhouse, "dbt", "build", "--selector", "after_scoring")
    installation.start(of, (services.POSTGRES, services.SUPERSET), print)
    run(wellhouse, "user", "ensure-defaults")
    run(wellhouse, "superset", "deploy")


def multiply(server: psycopg.Connection, observations: int) -> int:
    """Every person of the marts so often that there are at least ``observations``; how many there are."""
    server.execute("set statement_timeout = 0")
    (there,) = server.execute("select count(*) from marts.fct_observation").fetchone() or (0,)
    copies = -(-observations // there)
    tables = server.execute(
        "select table_name from information_schema.columns where table_schema = 'marts' and column_name = 'person_key'"
    ).fetchall()
    for (table,) in tables:
        _multiply(server, table, copies)
    return int(there * copies)


def _multiply(server: psycopg.Connection, table: str, copies: int) -> None:
    """Keys get the number of their copy into bits that the others do not use."""
    columns = server.execute(
        "select column_name, data_type from information_schema.columns where (table_schema, table_name) = ('marts', %s)"
        " order by ordinal_position", (table,)
    ).fetchall()  # fmt: skip
    keyed = [f'{n} # (copy << 44) as "{n}"' if t == "bigint" and n.endswith("_key") else n for n, t in columns]
    indexes = server.execute(
        "select indexname, indexdef from pg_indexes where (schemaname, tablename) = ('marts', %s)", (table,)
    ).fetchall()
    for name, _ in indexes:
        server.execute(sql.SQL("drop index marts.{}").format(sql.Identifier(name)))
    statements = (
        "create temporary table base as select * from marts.{table}",
        "truncate marts.{table}",
        f"insert into marts.{{table}} select {', '.join(keyed)}"  # noqa: S608 (names come from the catalogue)
        f" from base, generate_series(0::bigint, {copies - 1}) copy order by {ORDER.get(table, 'copy')}",
        "drop table base",
    )
    for statement in statements:
        server.execute(sql.SQL(statement).format(table=sql.Identifier(table)))
    for _, definition in indexes:
        server.execute(definition)
    server.execute(sql.SQL("vacuum analyze marts.{}").format(sql.Identifier(table)))


def asked(url: str) -> list[Asked]:
    """What a browser has Superset ask when people open the dashboards."""
    found: dict[Asked, None] = {}
    with launched() as browser:
        for reader, dashboards in OPENED.items():
            cookies = signed_in(browser, url, reader)
            for slug in dashboards:
                page = browser.new_page(
                    viewport={"width": 1440, "height": height(slug)}, base_url=url, storage_state=cookies
                )
                answers = []
                page.on("response", lambda r, a=answers: a.append(r) if "/api/v1/chart/data" in r.url else None)
                open_dashboard(page, slug)
                for answer in answers:
                    for result in answer.json().get("result", []):
                        found[Asked(reader, slug, result["query"].rstrip().rstrip(";"))] = None
                page.close()
    return list(found)


def by_hand(text: str, sites: list[str]) -> str:
    """The same query with the reader's sites written out, as who is under no policy would ask it."""
    return FENCE.sub("site IN (" + ", ".join(f"'{s}'" for s in sites) + ")", text)


def seconds(connection: psycopg.Connection, text: str) -> float:
    before = time.monotonic()
    connection.execute(text.encode()).fetchall()
    return time.monotonic() - before


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def as_reader(of: Settings, queries: list[Asked]) -> Iterator[tuple[Asked, list[float], list[float]]]:
    """Each query again and again: under the policies, and by hand by who is under none."""
    for reader in OPENED:
        with (
            psycopg.connect(**db.parameters(db.reader_role(reader), of), autocommit=True) as own,
            administrator(of, of.database) as free,
        ):
            (sites,) = own.execute("select access.my_sites()").fetchone() or ([],)
            free.execute("set search_path = marts, population")
            for query in (q for q in queries if q.reader == reader):
                plain = by_hand(query.text, sites)
                seconds(own, query.text), seconds(free, plain)
                pairs = [(seconds(own, query.text), seconds(free, plain)) for _ in range(REPEATS)]
                yield query, [a for a, _ in pairs], [b for _, b in pairs]


def at_once(of: Settings, queries: list[Asked]) -> list[float]:
    """Seconds of every query while as many readers ask at the same time, each in an order of their own."""

    def ask(number: int) -> list[float]:
        mine = random.Random(number).sample(queries, len(queries))  # noqa: S311
        connections = {
            r: psycopg.connect(**db.parameters(db.reader_role(r), of), autocommit=True) for r in OPENED
        }  # fmt: skip
        try:
            return [seconds(connections[q.reader], q.text) for q in mine]
        finally:
            for connection in connections.values():
                connection.close()

    with ThreadPoolExecutor(READERS) as pool:
        return [s for found in pool.map(ask, range(READERS)) for s in found]


def measure(of: Settings) -> Iterator[Figure]:
    with administrator(of, of.database) as server:
        rows = multiply(server, OBSERVATIONS)
    queries = asked(f"https://localhost:{of.superset_port}")
    measured = list(as_reader(of, queries))
    report = [
        {"dashboard": q.dashboard, "seconds": statistics.median(a), "by_hand": statistics.median(b), "sql": q.text}
        for q, a, b in measured
    ]
    report_file = PROJECT_ROOT / "var" / "bench" / "dashboard_queries.json"
    report_file.parent.mkdir(parents=True, exist_ok=True)
    report_file.write_text(json.dumps(report, indent=1, ensure_ascii=False))
    own, free = ([s for pair in measured for s in pair[i]] for i in (1, 2))
    yield cost("dashboards", f"p50 of {len(queries)} queries", statistics.median(own), "s", rows)
    yield cost("dashboards", "p95 under row policies", p95(own), "s", rows, "limit", 1.0)
    yield cost("dashboards", "p95 under row policies", p95(own), "s", rows, "by hand without", p95(free))
    worst, same = max((statistics.median(a), statistics.median(b)) for _, a, b in measured)
    yield cost("dashboards", "slowest query", worst, "s", rows, "by hand without", same)
    yield cost("dashboards", f"p95, {READERS} readers at once", p95(at_once(of, queries)), "s", rows, "limit", 2.0)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="wellhouse-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ |= {"WELLHOUSE_VAR": str(folder / "var"), "WELLHOUSE_DATABASE_URL": "",
                       "WELLHOUSE_POSTGRES_PORT": "15931", "WELLHOUSE_SUPERSET_PORT": "15932"}  # fmt: skip
        settings.cache_clear()
        of = settings()
        try:
            installation.start(of, (services.POSTGRES,), print)
            build(of)
            yield from measure(of)
        finally:
            supervisor.stop(of)


if __name__ == "__main__":
    for figure in figures():
        print(figure)
