"""Every chart of the dashboards at ten million observations: for eight readers at once, and under row-level security.

A sample is landed and built by dbt, then every person of the marts is multiplied under new keys, in the order in which
the models leave their rows. The questions are the ones that a browser puts when people open the dashboards. Eight
readers, each signed in, put them to Superset at the same time: cold, past Superset's cache, after PostgreSQL was
started anew (the kernel may still hold its files); and warm, when each has put them before. Beside that each query
that Superset sends is timed alone under row policies, and with the site written out by who is under none.

``python -m tests.benchmarks.dashboards`` prints the figures of ``make bench``. ``BENCH_MART_OBSERVATIONS`` scales it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.benchmarks.figure import Figure, cost
from tests.browser import height, launched, open_dashboard, signed_in
from tests.second_factor import code
from tests.unpoliced import by_hand
from wellhouse import db
from wellhouse.access import readers
from wellhouse.ops import installation, services, supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings, settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

OBSERVATIONS = int(os.environ.get("BENCH_MART_OBSERVATIONS", "10000000"))
PEOPLE = 2_000
REPEATS = 5
READERS = (
    "analyst_hz",
    "analyst_hz",
    "analyst_hz",
    "analyst_hz",
    "manager_hz",
    "manager_hz",
    "manager_hz",
    "management",
)
"""Whose likes are there at the same time."""
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


@dataclass(frozen=True)
class Asked:
    """What a reader's browser asked, and a query that Superset sent for it."""

    reader: str
    dashboard: str
    question: str
    """The body of a request for a chart's or a filter's data, as JSON."""
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
                    question = json.dumps(answer.request.post_data_json)
                    for result in answer.json().get("result", []):
                        found[Asked(reader, slug, question, result["query"].rstrip().rstrip(";"))] = None
                page.close()
    return list(found)


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


def signed_in_likes(of: Settings, opened: ExitStack) -> list[tuple[str, Superset]]:
    """``READERS``, each with an account and a session of their own, beside whose like they are."""
    found = []
    roles = {r.username: (r.role, [g.site for g in r.sites]) for r in readers.everyone(of)}
    for number, like in enumerate(READERS):
        name, (role, sites) = f"reader_{number}", roles[like]
        readers.provision(of, name, role, sites)
        with Superset(of) as ours:
            users.ensure(ours, name, role, of.secret(f"password_{name}"))
        found.append((like, opened.enter_context(Superset(of, name, of.secret(f"password_{name}"), code(name)))))
    return found


def at_once(likes: list[tuple[str, Superset]], queries: list[Asked], force: bool) -> list[float]:
    """Seconds until Superset answered, while all readers ask everything their dashboards ask, in an order of their own.

    :param force: past Superset's cache
    """

    def ask(number: int) -> list[float]:
        like, superset = likes[number]
        mine = list(dict.fromkeys(q.question for q in queries if q.reader == like))
        random.Random(number).shuffle(mine)  # noqa: S311
        return [answered(superset, json.loads(question) | {"force": force}) for question in mine]

    with ThreadPoolExecutor(len(likes)) as pool:
        return [s for found in pool.map(ask, range(len(likes))) for s in found]


def answered(superset: Superset, question: dict[str, Any]) -> float:
    before = time.monotonic()
    superset.post("/api/v1/chart/data", question)
    return time.monotonic() - before


def through_superset(of: Settings, queries: list[Asked]) -> tuple[list[float], list[float]]:
    """Seconds of every question for eight readers at once: cold, and warm."""
    with ExitStack() as opened:
        likes = signed_in_likes(of, opened)
        supervisor.restart(of, [services.POSTGRES])
        installation.start(of, (services.POSTGRES, services.SUPERSET), print)
        cold = at_once(likes, queries, force=True)
        at_once(likes, queries, force=False)  # each of Superset's processes has a cache of its own
        return cold, at_once(likes, queries, force=False)


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
    cold, warm = through_superset(of, queries)
    print(f"dashboards: {len(cold)} questions of {len(READERS)} readers at once")
    for kind, found, limit in (("cold", cold, 2.0), ("warm", warm, 1.0)):
        yield cost("dashboards", f"p95 {kind}, {len(READERS)} readers", p95(found), "s", rows, "limit", limit)
        yield cost("dashboards", f"slowest {kind}", max(found), "s", rows)


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
