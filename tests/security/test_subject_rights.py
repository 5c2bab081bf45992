"""What a person may ask for: complete when exported, unread when restricted, gone when erased; nobody else touched."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from pypdf import PdfReader

from tests.integration import backups
from wellhouse import audit, db, increment
from wellhouse.access import readers
from wellhouse.ops.bootstrap import administrator
from wellhouse.sample import id_numbers
from wellhouse.settings import Settings

SITE = "subject"
PEOPLE = 13
HEADER = "体检编号,姓名,性别,出生日期,身份证号,手机号,体检日期,收缩压(mmHg),空腹血糖(mmol/L)\n"
NAMES = (  # noqa: SIM905
    "欧阳子衿 司马相如 诸葛孔明 皇甫嵩山 尉迟敬德 公孙大娘 慕容白雪 上官婉儿 令狐长风 东方既白 独孤信芳 "
    "夏侯惇厚 宇文泰来"
).split()
ANYWHERE = """select table_schema, table_name from information_schema.tables
              where table_type = 'BASE TABLE' and table_schema !~ '^(pg_|information_schema$|audit$)'"""
HAVING = """select table_schema, table_name from information_schema.tables
            join information_schema.columns using (table_schema, table_name)
            where table_type = 'BASE TABLE' and table_schema !~ '^(pg_|information_schema$|audit$)'
                and column_name = %s"""


def wellhouse(*words: str, code: int = 0) -> str:
    done = subprocess.run(["wellhouse", *words], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def number(place: int) -> str:
    return id_numbers.written(np.array([11010119700101100 + 2 * place]))[0]


def build() -> None:
    wellhouse("dbt", "build", "--selector", "before_scoring")
    subprocess.run(["python", "-m", "models.score"], check=True, capture_output=True)
    wellhouse("dbt", "build", "--selector", "after_scoring")


@pytest.fixture(scope="module")
def server(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """Thirteen people at a site of their own, built; at the end neither they nor their site are there."""
    folder = tmp_path_factory.mktemp("subjects")
    rows = [
        f"e{p}y{y},{name},女,1970-01-01,{number(p)},1391234{p:04d},{y}-03-05,{118 + p},{5 + p / 10}\n"
        for p, name in enumerate(NAMES) for y in (2022, 2023)
    ]  # fmt: skip
    (folder / "exams.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    done = json.loads(wellhouse("ingest", str(folder), "--source", "exam", "--site", SITE, "--json"))
    assert done["totals"]["loaded"] == 2 * PEOPLE, done
    build()
    readers.provision(built, "subject_reader", "health_manager", [SITE])
    with administrator(built, built.database) as server:
        yield server
        # the ledger first: what it no longer knows is whose rows name no site
        for column, whose in (
            ("site", f"site = '{SITE}'"),
            ("load_id", "load_id not in (select load_id from ops.load)"),
        ):
            for schema, table in server.execute(HAVING, (column,)).fetchall():
                server.execute(f"delete from {schema}.{table} where {whose}")  # noqa: S608
    increment.forget(built)
    readers.revoke(built, "subject_reader")


def person(server: psycopg.Connection, place: int) -> int:
    row = server.execute(
        "select person_key from landing.exam where site = %s and load_id = (select max(load_id) from landing.exam) "
        "and row_number = %s",
        (SITE, 2 * place + 1),
    ).fetchone()
    assert row is not None
    return int(row[0])


def everywhere(server: psycopg.Connection, *keys: int) -> dict[str, int]:
    """Rows that hold one of the keys in any column of any table: no list, no column name."""
    found, any_of = {}, "|".join(str(abs(key)) for key in keys)
    for schema, table in server.execute(ANYWHERE).fetchall():
        query = f"select count(*) from {schema}.{table} t where t::text ~ '\\m({any_of})\\M'"  # noqa: S608
        (count,) = server.execute(query.encode()).fetchone() or (0,)
        if count:
            found[f"{schema}.{table}"] = int(count)
    return found


def test_an_export_is_complete(built: Settings, server: psycopg.Connection, tmp_path: Path) -> None:
    key = person(server, 0)
    package = tmp_path / "package.zip"
    wellhouse("subject", "export", str(key), "--output", str(package), "--purpose", "request 1")
    assert package.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(package) as zipped:
        names = set(zipped.namelist())
        rows = {
            name.removeprefix("tables/").removesuffix(".csv"):
                sum(1 for _ in csv.reader(io.StringIO(zipped.read(name).decode("utf-8-sig")))) - 1
            for name in names if name.startswith("tables/")
        }  # fmt: skip
        walked = everywhere(server, key)
        assert {t: n for t, n in rows.items() if n and t != "audit.event"} == walked, "neither more nor less"
        assert {"landing.exam", "landing.observation", "marts.fct_observation", "vault.person"} <= walked.keys()
        (identity,) = json.loads(zipped.read("identity.json"))
        bundle = json.loads(zipped.read("fhir_bundle.json"))
        originals = b"".join(zipped.read(n) for n in sorted(names) if n.startswith("originals/"))
        summary = "".join(page.extract_text() for page in PdfReader(io.BytesIO(zipped.read("summary.pdf"))).pages)
    assert identity["name"] in NAMES
    assert identity["id_number"].encode() in originals
    assert sum(name.encode() in originals for name in NAMES) == 1, "nobody else is in it"
    assert identity["name"] in summary.replace("\n", "")
    by_type: dict[str, list[dict[str, Any]]] = {}
    for entry in bundle["entry"]:
        by_type.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    assert by_type["Patient"][0]["name"] == [{"text": identity["name"]}]
    told = {(o["code"]["coding"][0]["code"], o["effectiveDateTime"], o["valueQuantity"]["value"])
            for o in by_type["Observation"] if "coding" in o["code"]}  # fmt: skip
    landed = server.execute(
        """select i.loinc, e.exam_date::text, o.value from landing.observation o join landing.exam e using (exam_key)
           join reference.indicators i using (indicator_code) where o.person_key = %s""",
        (key,),
    ).fetchall()
    assert told == set(landed)
    assert len(by_type["DiagnosticReport"]) == 2
    assert bundle["type"] == "collection"


def test_what_was_exported_can_be_read_again_by_anybody_who_reads_fhir(
    server: psycopg.Connection, tmp_path: Path
) -> None:
    key = person(server, 0)
    wellhouse("subject", "export", str(key), "--output", str(tmp_path / "p.zip"), "--purpose", "request 2")
    with zipfile.ZipFile(tmp_path / "p.zip") as zipped:
        (tmp_path / "bundle.json").write_bytes(zipped.read("fhir_bundle.json"))
    done = subprocess.run(
        ["wellhouse", "mapping", "check", str(tmp_path / "bundle.json"), "--source", "exam", "--json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("reader", ["analyst_hz", "manager_hz", "auditor", "nobody", "x; y"])
def test_who_may_not_answer_requests(server: psycopg.Connection, tmp_path: Path, reader: str) -> None:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    path = tmp_path / "p.zip"
    command = ["subject", "export", str(person(server, 0)), "--output", str(path), "--purpose", "x", "--as", reader]
    assert "may not do this" in wellhouse(*command, code=1)
    assert not path.exists()


def test_an_export_does_not_lie_in_the_installation(built: Settings, server: psycopg.Connection) -> None:
    inside = built.var / "package.zip"
    said = wellhouse("subject", "export", "1", "--output", str(inside), "--purpose", "x", code=1)
    assert "elsewhere" in said
    assert not inside.exists()


def test_an_export_before_the_first_mart_says_so_in_one_line(
    small: Callable[[], AbstractContextManager[Settings]], tmp_path: Path
) -> None:
    with small() as of:
        audit.begin(of, "installed")
        source = of.var / "exams.csv"
        source.write_text(f"{HEADER}e1,{NAMES[0]},女,1970-01-01,{number(0)},13912340000,2024-03-05,118,5\n", "utf-8")
        landed = backups.command(of, "ingest", str(source), "--source", "exam", "--site", SITE)
        assert landed.returncode == 0, landed.stderr
        with administrator(of, of.database) as server:
            ((key,),) = server.execute("select person_key from vault.person").fetchall()
        words = ("--output", str(tmp_path / "p.zip"), "--purpose", "request 9")
        done = backups.command(of, "subject", "export", str(key), *words)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("wellhouse: no mart is built yet")
    assert list(tmp_path.iterdir()) == [], "no part of a package is left"


def test_a_restricted_person_is_seen_by_nobody_at_once(built: Settings, server: psycopg.Connection) -> None:
    key = person(server, 1)

    def seen() -> int:
        with db.connect("wh_u_subject_reader", built) as connection:
            row = connection.execute("select count(*) from marts.fct_observation where person_key = %s", (key,))
            return int((row.fetchone() or (0,))[0])

    before = seen()
    assert before > 0
    wellhouse("subject", "restrict", str(key), "--purpose", "request 3")
    assert seen() == 0
    wellhouse("subject", "unrestrict", str(key), "--purpose", "request 3")
    assert seen() == before
    assert "not restricted" in wellhouse("subject", "unrestrict", str(key), "--purpose", "request 3", code=1)


def test_what_the_person_says_is_right_is_known_from_then_on(
    built: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    key = person(server, 2)
    (tmp_path / "right.json").write_text('{"phone": "13700000001"}', encoding="utf-8")
    (tmp_path / "wrong.json").write_text('{"id_number": "1"}', encoding="utf-8")
    wellhouse("subject", "correct", str(key), "--facts", str(tmp_path / "right.json"), "--purpose", "request 4")
    said = wellhouse("subject", "correct", str(key), "--facts", str(tmp_path / "wrong.json"), "--purpose", "x", code=1)
    assert "can be put right" in said
    wellhouse("subject", "export", str(key), "--output", str(tmp_path / "p.zip"), "--purpose", "request 4")
    with zipfile.ZipFile(tmp_path / "p.zip") as zipped:
        assert json.loads(zipped.read("identity.json"))[0]["phone"] == "13700000001"


def aggregates(server: psycopg.Connection) -> dict[tuple[Any, ...], int]:
    found = server.execute(
        "select site, exam_year, person_count from population.rpt_population_coverage order by 1, 2"
    ).fetchall()
    return {(site, year): count for site, year, count in found}


COMPUTED = "intermediate.touched_person"


def test_an_erased_person_is_nowhere_and_aggregates_lose_exactly_one(
    built: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    key, other = person(server, 3), person(server, 4)
    before, others = aggregates(server), everywhere(server, other)
    exams = [row[0] for row in server.execute("select exam_key from landing.exam where person_key = %s", (key,))]
    assert "intermediate.int_exam__converted" in everywhere(server, *exams), "it names no person"
    assert before[SITE, 2022] == before[SITE, 2023] == PEOPLE
    planted = built.logs / "planted.log"
    planted.write_text("a log line that names " + _name(built, key), encoding="utf-8")
    said = wellhouse("subject", "erase", str(key), "--output", str(tmp_path), "--purpose", "request 5", code=1)
    assert "no certificate" in said
    assert "planted.log" in said
    assert list(tmp_path.iterdir()) == [], "what is found in clear forbids the certificate"
    assert everywhere(server, key) == {}
    assert everywhere(server, *exams) == {}
    planted.unlink()

    (tmp_path / "texts").write_text("the keys are gone already\n", encoding="utf-8")
    command = ["subject", "erase", str(key), "--output", str(tmp_path / "out"), "--purpose", "request 5", "--no-build"]
    assert "--canaries" in wellhouse(*command, code=1)
    wellhouse(*command, "--canaries", str(tmp_path / "texts"))
    (certificate,) = (tmp_path / "out").glob("*.json")
    said_by = json.loads(certificate.read_text(encoding="utf-8"))
    assert said_by["persons"] == [key]
    assert set(said_by["walk"].values()) == {0}
    assert said_by["scan"]["hits"] == 0
    assert certificate.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    after = aggregates(server)
    assert {at: before[at] - after.get(at, 0) for at in before if before[at] != after.get(at, 0)} == {
        (SITE, 2022): 1, (SITE, 2023): 1,
    }  # fmt: skip
    # whom the last build computed anew is another's matter
    assert {**everywhere(server, other), COMPUTED: 0} == {**others, COMPUTED: 0}
    asked = "select count(*) from audit.event where action = any(%s) and %s = any(persons)"
    assert server.execute(asked, (["erase", "shred", "certify"], key)).fetchone() == (4,)


def test_an_erasure_at_once(built: Settings, server: psycopg.Connection, tmp_path: Path) -> None:
    key = person(server, 5)
    command = ["subject", "erase", str(key), "--output", str(tmp_path), "--purpose", "request 6", "--no-build"]
    made = json.loads(wellhouse(*command, "--json"))
    assert made["destroyed"]["keys"] == 1
    assert made["rows_deleted"]["landing.exam"] == 2
    assert made["scan"]["texts"] >= 3
    assert made["sites"] == [SITE]
    assert everywhere(server, key) == {}
    again = ["subject", "export", str(key), "--output", str(tmp_path / "x"), "--purpose", "y"]
    assert "no person" in wellhouse(*again, code=1)


def _name(of: Settings, key: int) -> str:
    from wellhouse.crypto.keyring import Keyring
    from wellhouse.crypto.vault import reveal

    audit.record(of, audit.operator(), action="reveal", path="test", purpose="a test", persons=[key])
    with db.connect("wh_identity", of) as connection, Keyring.open(of) as keyring:
        return reveal(connection, keyring, key)["name"]
