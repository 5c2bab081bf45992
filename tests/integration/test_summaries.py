"""Many summaries by one order: whose, under which rights, and every number as the marts have it."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.printed import flaws, numbers_of, text_of
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings
from wellhouse.summaries.collect import collect

SITE, YEAR, COUNT = "hz", 2024, 20


@pytest.fixture(scope="module")
def printed(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    folder = tmp_path_factory.mktemp("summaries") / "out"
    assert order(folder, "analyst_hz", "--limit", str(COUNT)).returncode == 0
    return folder


def order(
    folder: Path, username: str, *more: str, site: str = SITE, year: int = YEAR
) -> subprocess.CompletedProcess[str]:
    arguments = ["summaries", "--site", site, "--year", str(year), "--output", str(folder), "--as", username, "--json"]
    return subprocess.run(["wellhouse", *arguments, *more], capture_output=True, text=True)


def test_the_manifest_names_every_file(printed: Path) -> None:
    manifest = json.loads((printed / "manifest.json").read_text())
    assert manifest["count"] == len(manifest["files"]) == len(list(printed.glob("*.pdf"))) == COUNT
    assert manifest["truncated"] is True
    for file in manifest["files"]:
        pdf = (printed / file["name"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(pdf).hexdigest()
        reader = PdfReader(io.BytesIO(pdf))
        assert file["pages"] == len(reader.pages)
        assert flaws(pdf) == [], "PDF/A-2b, tagged"


def test_every_number_is_the_marts(built: Settings, printed: Path) -> None:
    """All results of the latest exam, every change of the stage summary, every person's code."""
    compared = 0
    with administrator(built, built.database) as connection:
        for file in sorted(printed.glob("*.pdf")):
            person_key = int(file.stem.split("_")[0])
            page = text_of(file.read_bytes())
            assert str(person_key) in page
            for expected in numbers_of(connection, person_key, SITE, YEAR):
                assert expected in page, (person_key, expected)
                compared += 1
    assert compared > 20 * COUNT


def test_a_batch_prints_what_a_single_order_prints(built: Settings, printed: Path, tmp_path: Path) -> None:
    file = sorted(printed.glob("*.pdf"))[0]
    single = tmp_path / "one.pdf"
    key = file.stem.split("_")[0]
    subprocess.run(["wellhouse", "summary", key, "--as", "analyst_hz", "--output", str(single)], check=True)
    assert single.read_bytes() == file.read_bytes()


def test_persons_of_a_batch_are_audited_before(built: Settings, printed: Path) -> None:
    with administrator(built, built.database) as connection:
        persons = connection.execute(
            "select persons from audit.event where reader = 'wh_u_analyst_hz' and action = 'export'"
        ).fetchall()
    assert {int(f.stem.split("_")[0]) for f in printed.glob("*.pdf")} <= {key for (keys,) in persons for key in keys}


@pytest.mark.parametrize(("username", "site"), [("analyst_sh", "hz"), ("management", "hz"), ("analyst_hz", "xx")])
def test_a_site_that_is_not_yours_prints_nobody(printed: Path, tmp_path: Path, username: str, site: str) -> None:
    done = order(tmp_path / "out", username, site=site)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "out").glob("*"))


def test_what_is_advised_and_planned_is_of_this_person(built: Settings, printed: Path) -> None:
    with administrator(built, built.database) as connection:
        for file in sorted(printed.glob("*.pdf"))[:10]:
            key = int(file.stem.split("_")[0])
            facts = collect(built, key, "analyst_hz")
            own = connection.execute(
                "select count(*) from marts.fct_advice where person_key = %s and site = 'hz'", (key,)
            ).fetchone()
            assert len(facts.advice) == (own or [0])[0]
            assert all(a.text_zh.replace(" ", "") in text_of(file.read_bytes()) for a in facts.advice)


def test_a_year_is_everybody_examined_in_it_as_they_were_then(built: Settings, printed: Path, tmp_path: Path) -> None:
    """Also who came again later; and nothing of a later exam."""
    assert order(tmp_path / "before", "analyst_hz", "--limit", str(COUNT), year=YEAR - 1).returncode == 0
    with administrator(built, built.database) as connection:
        exams = dict(
            connection.execute(
                """select person_key, array_agg(exam_date order by exam_date) from marts.fct_exam where site = %s
                   group by person_key having bool_or(extract(year from exam_date) = %s) order by 1 limit %s""",
                (SITE, YEAR - 1, COUNT),
            ).fetchall()
        )
    pages = {int(f.stem.split("_")[0]): text_of(f.read_bytes()) for f in (tmp_path / "before").glob("*.pdf")}
    assert set(pages) == set(exams)
    returned = {key: days for key, days in exams.items() if days[-1].year >= YEAR}
    assert len(returned) > COUNT // 3
    for key, days in returned.items():
        shown = [f"{d.year}年{d.month}月{d.day}日" for d in days]
        of_year = [day for day, d in zip(shown, days, strict=True) if d.year == YEAR - 1]
        later = [day for day, d in zip(shown, days, strict=True) if d.year >= YEAR]
        assert of_year[-1] in pages[key]
        assert not any(day in pages[key] for day in later)
