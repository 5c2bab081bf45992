"""FHIR files into PostgreSQL: what is landed is what a walk over the JSON, written apart from the parser, finds."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.fixtures.loads import leaving_no_rows
from wellhouse.crypto.keyring import Keyring
from wellhouse.landing import originals
from wellhouse.settings import PROJECT_ROOT, Settings

SITE = "fhir_site"
FIXTURES = PROJECT_ROOT / "tests" / "fixtures" / "fhir"
CIEL = {"5087": "HR", "5088": "TEMP", "5089": "WEIGHT", "5090": "HEIGHT", "5092": "SPO2"}


@pytest.fixture(scope="module")
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    with leaving_no_rows(stack) as connection:
        yield connection


def ingest(*arguments: str | Path) -> dict[str, dict[str, Any]]:
    """By file name, what became of each."""
    done = subprocess.run(
        ["wellhouse", "ingest", *map(str, arguments), "--site", SITE, "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    files = {Path(file["path"]).name: file for file in json.loads(done.stdout)["files"]}
    for file in files.values():
        for counts in (file, file["observations"]):
            assert counts["read"] == counts["loaded"] + counts["quarantined"] + counts["duplicate"]
    return files


@pytest.fixture(scope="module")
def real(server: psycopg.Connection, shared_data: Path) -> dict[str, dict[str, Any]]:
    return ingest(shared_data / "fhir", "--mapping", PROJECT_ROOT / "mappings" / "ciel.yaml")


def opened(path: Path) -> Any:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def at_the_centre(moment: str) -> str:
    """All are in UTC, which is nobody's clock there."""
    at = dt.datetime.fromisoformat(moment)
    assert at.utcoffset() == dt.timedelta()
    return str(at.date() if at.time() == dt.time() else at.astimezone(ZoneInfo("Asia/Shanghai")).date())


def number(server: psycopg.Connection, sha256: str) -> int:
    row = server.execute("select load_id from ops.load where sha256 = %s", (sha256,)).fetchone()
    assert row is not None
    return int(row[0])


def reasons(server: psycopg.Connection, load_id: int) -> Counter[str]:
    found = server.execute(
        "select reason, count(distinct row_number) from quarantine.record where load_id = %s group by reason",
        (load_id,),
    )
    return Counter(dict(found.fetchall()))


def landed(server: psycopg.Connection, load_id: int) -> list[tuple[Any, ...]]:
    return server.execute(
        """select o.row_number, indicator_code, value_raw, unit_raw, exam_date::text, o.status
           from landing.observation o join landing.exam e using (load_id, exam_key)
           where load_id = %s order by 1, 2""",
        (load_id,),
    ).fetchall()


def test_bundles_of_whole_lives(real: dict[str, dict[str, Any]], server: psycopg.Connection, shared_data: Path) -> None:
    for path in sorted((shared_data / "fhir").glob("synthea_*.gz")):
        expected, why = [], Counter[str]()
        entries = opened(path)["entry"]
        for row, entry in enumerate(entries, 1):
            resource = entry["resource"]
            kind, value = resource["resourceType"], resource.get("valueQuantity")
            finding = resource.get("valueCodeableConcept", {}).get("text", "None")
            if kind == "Observation" and (value or finding != "None"):
                indicator = CIEL.get(resource["code"]["coding"][0]["code"].rstrip("A"))
                if indicator:
                    raw = repr(value["value"]) if isinstance(value["value"], float) else str(value["value"])
                    day = at_the_centre(resource["effectiveDateTime"])
                    expected.append((row, indicator, raw, value["code"], day, "final"))
                else:
                    why["unknown_indicator"] += 1
            elif kind == "DiagnosticReport":
                why["no_content"] += 1  # each has a note attached and no result
                assert "result" not in resource
            elif kind not in ("Patient", "Encounter", "Observation"):
                why["unsupported_resource"] += 1
        file = real[path.name]
        load_id = number(server, file["sha256"])
        assert (file["format"], file["read"], file["quarantined"]) == ("fhir", len(entries), why.total())
        assert landed(server, load_id) == expected
        assert reasons(server, load_id) == why


def test_examples_of_the_standard(
    real: dict[str, dict[str, Any]], server: psycopg.Connection, shared_data: Path
) -> None:
    """Most are about a patient who is in another file."""
    for path in sorted((shared_data / "fhir" / "r4_examples").glob("*.json")):
        document = opened(path)
        resources = [e["resource"] for e in document["entry"]] if "entry" in document else [document]
        expected: Counter[str] = Counter()
        for resource in resources:
            kind, subject = resource["resourceType"], resource.get("subject", {}).get("reference")
            if kind in ("Patient", "Questionnaire"):
                continue
            if kind not in ("Observation", "DiagnosticReport", "QuestionnaireResponse"):
                expected["unsupported_resource"] += 1
            elif subject is None:
                expected["missing_subject"] += 1
            elif not subject.startswith("#"):
                expected["unresolved_reference"] += 1
            elif kind == "Observation":
                expected["unknown_indicator"] += 1  # Apgar scores: no indicator of a health centre
            else:
                assert "questionnaire" not in resource
                expected["missing_value"] += 1
        file = real[path.name]
        assert reasons(server, number(server, file["sha256"])) == expected
        assert (file["read"], file["quarantined"]) == (len(resources), expected.total())


def test_every_byte_is_kept(
    real: dict[str, dict[str, Any]], server: psycopg.Connection, stack: Settings, shared_data: Path
) -> None:
    keyring = Keyring.open(stack)
    for name in ("synthea_Alva958.json.gz", "r4_examples/QuestionnaireResponse-3141.json"):
        path = shared_data / "fhir" / name
        load_id = number(server, real[path.name]["sha256"])
        with server.transaction():
            kept = b"".join(part for _, _, part in originals.read(server, keyring, load_id))
        assert json.loads(kept) == opened(path)
        raw = path.read_bytes()
        assert kept == (gzip.decompress(raw) if path.suffix == ".gz" else raw)
    keyring.close()


def test_what_is_about_a_person_is_sealed_under_their_key(
    real: dict[str, dict[str, Any]], server: psycopg.Connection
) -> None:
    """Visits, claims and documents, too, whether they are read or not: when the person is erased, these go."""
    load_id = number(server, real["synthea_Bob965.json.gz"]["sha256"])
    rows = server.execute(
        "select row_first, row_last, person_key from landing.original where load_id = %s order by row_first", (load_id,)
    ).fetchall()
    (owner,) = {person for _, _, person in rows if person is not None}
    nobodys = [(first, last) for first, last, person in rows if person != owner]
    # what stands before the first entry, and the Provenance of all, which has targets and no subject
    assert nobodys == [(0, 0), (238, 238)]


def test_one_file_feeds_several_tables(server: psycopg.Connection) -> None:
    file = ingest(FIXTURES / "questionnaire_by_loinc.json")["questionnaire_by_loinc.json"]
    assert (file["source"], file["read"], file["loaded"]) == ("exam", 3, 3)
    load_id = number(server, file["sha256"])
    answers = server.execute(
        """select questionnaire_code, questionnaire_version, answered_on::text, question_code, value, value_raw
           from landing.questionnaire_answer join landing.questionnaire using (load_id, response_key)
           where load_id = %s order by question_code""",
        (load_id,),
    ).fetchall()
    assert answers == [
        ("PHQ-9", "1.0", "2024-03-05", "1", 2.0, "LA6570-1"),
        ("PHQ-9", "1.0", "2024-03-05", "2", 1.0, "1"),
        ("PHQ-9", "1.0", "2024-03-05", "3", 3.0, "3"),
    ]
    worded = server.execute(
        "select questionnaire_code, question_code, wording from landing.question where load_id = %s", (load_id,)
    ).fetchall()
    assert worded == [("PHQ-9", "1", "Little interest or pleasure in doing things")]  # the form defines it
    plan = ingest(FIXTURES / "care_plan.json")["care_plan.json"]
    assert (plan["read"], plan["loaded"], plan["quarantined"]) == (4, 3, 1)  # an activity that says nothing is refused
    items = server.execute(
        """select plan_date::text, category, item, target, unit, status from landing.care_plan where load_id = %s
           order by 1""",
        (number(server, plan["sha256"]),),
    ).fetchall()
    load_id = number(server, plan["sha256"])
    refused = server.execute("select reason from quarantine.record where load_id = %s", (load_id,)).fetchall()
    assert refused == [("missing_value",)] * 2
    assert items == [
        ("2024-03-05", "exercise", "快走", 30.0, "min", "final"),
        # the plan's other activity is only described, which may be any text: it stays sealed
        (None, None, None, None, None, "entered-in-error"),  # a plan that is withdrawn stands for all it said
    ]


def test_a_response_alone_is_a_questionnaire_file(server: psycopg.Connection) -> None:
    file = ingest(FIXTURES / "answers_of_every_kind.json", "--source", "questionnaire")["answers_of_every_kind.json"]
    answers = server.execute(
        "select question_code, value, value_text from landing.questionnaire_answer where load_id = %s order by 1",
        (number(server, file["sha256"]),),
    ).fetchall()
    assert answers == [
        ("bp_medication", 1.0, None), ("exercise_days", 3.5, None), ("salt", None, "low"), ("weight", 70.0, None),
    ]  # fmt: skip
    assert (file["read"], file["loaded"]) == (1, 1)


def test_a_bulk_export_has_a_file_a_type(server: psycopg.Connection, tmp_path: Path) -> None:
    """With a server whose ids hold from file to file, results find their patient in an earlier one."""
    mapping = tmp_path / "bulk.yaml"
    mapping.write_text("name: bulk\nversion: 1\nsource: exam\nlayout: long\nfhir_server: https://fhir.example/r4\n")
    patient, result = (FIXTURES / "subject_later_in_file.ndjson").read_text().splitlines()[::-1]
    known, unknown = result.replace("Patient/p1", "Patient/bulk1"), result.replace("Patient/p1", "Patient/bulk2")
    (tmp_path / "Observation.ndjson").write_text(f"{known}\n{unknown}\n")
    (tmp_path / "Patient.ndjson").write_text(patient.replace('"p1"', '"bulk1"').replace('"M1"', '"B1"') + "\n")
    files = ingest(tmp_path / "Observation.ndjson", tmp_path / "Patient.ndjson", "--mapping", mapping)
    assert (files["Patient.ndjson"]["loaded"], files["Observation.ndjson"]["loaded"]) == (1, 1)
    load_id = number(server, files["Observation.ndjson"]["sha256"])
    assert reasons(server, load_id) == {"unresolved_reference": 1}
    persons = server.execute(
        "select count(distinct person_key), count(distinct load_id) from landing.person where load_id in (%s, %s)",
        (load_id, number(server, files["Patient.ndjson"]["sha256"])),
    ).fetchone()
    assert persons == (1, 2)


def test_a_result_taken_back_and_one_sent_again(server: psycopg.Connection, tmp_path: Path) -> None:
    """What an earlier file brought: the same again is a duplicate, a status takes it back."""
    text = (FIXTURES / "statuses.ndjson").read_text()
    first = ingest(FIXTURES / "statuses.ndjson")["statuses.ndjson"]
    assert [(code, status) for _, code, _, _, _, status in landed(server, number(server, first["sha256"]))] == [
        ("HGB", "final"), ("NA", "corrected"), ("K", "corrected"), ("CL", "entered-in-error"), ("WBC", "preliminary"),
        ("RBC", "cancelled"),
    ]  # fmt: skip
    again = tmp_path / "again.ndjson"
    again.write_text(text.replace('"status": "final"', '"status": "entered-in-error"'))
    second = ingest(again)["again.ndjson"]
    assert [row[1::4] for row in landed(server, number(server, second["sha256"]))] == [("HGB", "entered-in-error")]
    assert second["observations"]["duplicate"] == 5
