"""FHIR R4 → rows: each fixture is named after what is odd about it, and here is what it comes to."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from wellhouse.ingest import formats, mapping, suggest
from wellhouse.ingest.formats import fhir_cut
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

FIXTURES = PROJECT_ROOT / "tests" / "fixtures" / "fhir"


@dataclass
class Found:
    """A file read: its rows by source, each with the number of its record; what was refused; what is nobody's."""

    records: int = 0
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    bad: dict[int, str] = field(default_factory=dict)
    told: list[int] = field(default_factory=list)
    data: bytes = b""

    def results(self, *roles: str) -> list[tuple[str, ...]]:
        return [tuple(row[role] for role in roles) for row in self.rows.get("exam", [])]


def read(path: Path, source: str = "exam", own: tuple[str, ...] = (), server: str = "") -> Found:
    found = Found()
    reads = replace(
        mapping.read(PROJECT_ROOT / "mappings" / f"{source}.yaml"), own_authorities=frozenset(own), fhir_server=server
    )
    with formats.open_source(path, "fhir", reads) as opened:
        found.data = opened.head
        for piece in opened.pieces(set(opened.header.places.values())):
            assert piece.starts.tolist() == sorted(set(piece.starts.tolist()))
            parts = [(source, opened.header, piece.table, piece.good)]
            parts += [(a.source, a.header, a.table, a.good) for a in piece.also]
            seen: set[int] = set()
            for name, header, table, good in parts:
                assert good.tolist() == sorted(good.tolist())
                seen |= set(good.tolist())
                roles = {str(place): role for role, place in header.places.items()}
                for record, row in zip(good.tolist(), table.rename_columns(
                    [roles[c] for c in table.column_names]).to_pylist(), strict=True):  # fmt: skip
                    assert None not in row.values()
                    found.rows.setdefault(name, []).append(row | {"record": found.records + record})
            bad = [index for index, _, _ in piece.bad]
            everywhere = sorted([*seen, *bad, *piece.told.tolist()])
            assert everywhere == list(range(len(piece.starts))), "each record is in exactly one place"
            found.bad |= {found.records + i: reason for i, reason, _ in piece.bad}
            found.told += [found.records + i for i in piece.told.tolist()]
            found.records += len(piece.starts)
            found.data += piece.data
    raw = path.read_bytes()
    assert found.data == (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw), "byte for byte"
    return found


def fixture(name: str, source: str = "exam") -> Found:
    return read(FIXTURES / name, source)


def test_a_subject_may_stand_later_in_the_file() -> None:
    found = fixture("subject_later_in_file.ndjson")
    assert found.bad == {}
    assert found.results("mrn", "mrn_authority", "name", "sex", "birth_date", "exam_date", "item_code", "value", "unit",
                         "status") == [
        ("M1", "urn:oid:1.2.3", "张三", "male", "1980-01-02", "2024-03-05", "718-7", "140", "g/L", "final")
    ]  # fmt: skip
    assert [row["mrn"] for row in found.rows["person"]] == ["M1"]


def test_a_subject_that_is_not_in_the_file() -> None:
    assert fixture("subject_not_in_file.json").bad == {0: "unresolved_reference"}


def test_one_patient_id_on_two_servers_is_two_persons() -> None:
    found = fixture("two_servers_one_patient_id.json")
    assert found.results("mrn") == [("M2",)], "beside its own server's patient"
    assert found.bad == {3: "unresolved_reference"}, "without a server it could be either"


def test_cycles_are_no_trouble() -> None:
    assert fixture("cyclic_references.json").results("item_code") == [("718-7",), ("2951-2",)]
    assert fixture("contained_refers_to_itself.json").results("mrn") == [("M1",)]


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("subject_is_a_group.json", {1: "unsupported_subject"}),
        ("no_subject.json", {0: "missing_subject"}),
        ("wrong_type.ndjson", {1: "malformed_resource"}),
        ("broken_line.ndjson", {1: "bad_json"}),
        ("resource_type_not_taken.json", {1: "unsupported_resource"}),
        ("entry_without_resource.json", {1: "no_resource", 2: "no_resource"}),
        ("deletes_what_is_not_here.json", {1: "unknown_target"}),
        ("report_of_text_only.json", {1: "no_content"}),
        ("unfinished_response.json", {0: "not_final"}),
    ],
)
def test_what_is_refused_alone(name: str, bad: dict[int, str]) -> None:
    assert fixture(name).bad == bad


@pytest.mark.parametrize(
    ("name", "reason", "rows"),
    [("no_entries.json", "no_records", 0), ("truncated_bundle.json", "bad_json", 1)],
)
def test_what_is_refused_whole(name: str, reason: str, rows: int) -> None:
    with pytest.raises(Unreadable) as error:
        fixture(name)
    assert (error.value.reason, error.value.rows) == (reason, rows)


def test_a_refused_record_is_still_somebodys(tmp_path: Path) -> None:
    path = tmp_path / "claim.ndjson"
    patient = (FIXTURES / "subject_later_in_file.ndjson").read_text().splitlines()[1]
    claim = '{"resourceType":"Claim","patient":{"reference":"Patient/p1"}}'
    path.write_text(f"{claim}\n{patient}\n")
    reads = mapping.read(PROJECT_ROOT / "mappings" / "exam.yaml")
    with formats.open_source(path, "fhir", reads) as opened:
        (piece,) = opened.pieces({0})
    assert piece.bad[0][:2] == (0, "unsupported_resource")
    assert piece.whose is not None
    assert piece.whose.good.tolist() == [0]
    assert piece.whose.table.column(str(piece.whose.header.places["mrn"])).to_pylist() == ["M1"]


def test_a_deletion_takes_a_result_of_its_file_back() -> None:
    found = fixture("deleted_in_the_same_bundle.json")
    assert found.results("status") == [("entered-in-error",)]
    assert (found.bad, found.told) == ({}, [2])


def test_a_history_has_the_newest_first() -> None:
    found = fixture("history_deleted_and_back.json")
    assert found.results("value", "status") == [("150", "final"), ("140", "final")]
    assert (found.bad, found.told) == ({}, [1])


def test_statuses() -> None:
    found = fixture("statuses.ndjson")
    assert [status for (status,) in found.results("status")] == [
        "final", "corrected", "corrected", "entered-in-error", "preliminary", "cancelled", "registered", "unknown",
    ]  # fmt: skip


def test_components_are_results_and_what_is_absent_is_none() -> None:
    assert fixture("blood_pressure_components.json").results("item_code", "value", "unit") == [
        ("8480-6", "120", "mm[Hg]"), ("8462-4", "", ""),
    ]  # fmt: skip


def test_contained_results_take_subject_day_and_status_from_their_report() -> None:
    found = fixture("report_with_contained_results.json")
    assert found.results("record", "mrn", "item_code", "value", "exam_date", "status") == [
        (1, "M1", "718-7", "140", "2024-03-05", "corrected"), (1, "M1", "6690-2", "6.5", "2024-03-05", "final"),
    ]  # fmt: skip


def test_a_number_keeps_its_digits() -> None:
    assert fixture("number_as_written.json").results("value") == [("1.400E+2",)]


def test_a_byte_order_mark_is_kept_and_not_read() -> None:
    assert fixture("byte_order_mark.json").results("value") == [("140",)]


def test_an_exam_is_what_one_visit_brought_on_one_day() -> None:
    assert [number for (number,) in fixture("visits.ndjson").results("exam_number")] == [
        "TJ2024001", "TJ2024001|2024-03-06", "Encounter/elsewhere|2024-03-05", "",
    ]  # fmt: skip


def test_identifiers() -> None:
    found = fixture("identifiers.ndjson")
    assert [(r["id_number"], r["mrn"], r["mrn_authority"]) for r in found.rows["person"]] == [
        ("11010519491231002X", "M1", "urn:oid:1.2.3"),
        ("E12345678", "", ""),
        ("", "M1", "urn:oid:1.2.3"),  # a passport of a form nobody can check is no identifier
        ("", "77", "urn:oid:9.9"),
        ("", "", ""),  # a number without type and namespace could be anything
        ("", "", ""),
        ("", "", ""),
    ]


def test_a_site_says_which_namespace_is_its_own() -> None:
    found = read(FIXTURES / "subject_later_in_file.ndjson", own=("urn:oid:1.2.3",))
    assert found.results("mrn", "mrn_authority") == [("M1", "")]


def test_a_site_says_whose_patient_ids_hold_from_file_to_file(tmp_path: Path) -> None:
    server = "https://fhir.example/r4"
    here = read(FIXTURES / "subject_later_in_file.ndjson", server=server)
    assert here.results("patient_id", "mrn") == [(f"{server}/Patient/p1", "M1")]
    alone = read(FIXTURES / "subject_not_in_file.json", server=server)
    assert alone.results("patient_id", "mrn", "name") == [(f"{server}/Patient/p1", "", "")]
    two = read(FIXTURES / "two_servers_one_patient_id.json", server=server)
    assert two.results("patient_id") == [("",)], "other servers' ids are not its ids"


def test_a_questionnaire_says_what_its_link_ids_are() -> None:
    found = fixture("questionnaire_by_loinc.json")
    answers = [(r["questionnaire"], r["version"], r["question"], r["answer"]) for r in found.rows["questionnaire"]]
    assert answers == [
        ("44249-1", "1.0", "44250-9", "LA6570-1"),
        ("44249-1", "1.0", "44255-8", "1"),
        ("44249-1", "1.0", "44259-0", "3"),
    ]
    assert found.told == [1]


def test_answers_of_every_kind() -> None:
    found = fixture("answers_of_every_kind.json", "questionnaire")
    assert [(r["question"], r["answer"]) for r in found.rows["questionnaire"]] == [
        ("bp_medication", "true"), ("exercise_days", "3.5"), ("salt", "清淡"), ("pets", "cat"), ("pets#2", "Dog"),
        ("weight", "70"), ("photo", "(Attachment)"), ("born", "1990-01-01"),
    ]  # fmt: skip
    assert {(r["number"], r["questionnaire"], r["version"]) for r in found.rows["questionnaire"]} == {
        ("qr2", "LIFESTYLE", "2")
    }


def test_plans() -> None:
    found = fixture("care_plan.json")
    assert [(r["number"], r["date"], r["category"], r["item"], r["target"], r["unit"])
            for r in found.rows["care_plan"]] == [
        ("cp1", "2024-03-05", "Exercise", "快走", "30", "min"), ("cp1", "2024-04-01", "Exercise", "", "", ""),
        ("cp2", "", "", "", "", ""), ("cp3", "2024-03-05", "", "", "", ""),
    ]  # fmt: skip
    assert "游泳" in (FIXTURES / "care_plan.json").read_text(encoding="utf-8"), "an item that is only described is none"
    # a withdrawn one stands for all that the plan of its number ever said
    assert found.rows["care_plan"][-2]["status"] == "entered-in-error"
    assert found.bad == {}


VALUES: list[tuple[dict[str, object], str]] = [
    ({"valueQuantity": {"value": 5, "comparator": "<"}}, "<5"),
    ({"valueString": "1+"}, "1+"),
    ({"valueInteger": 3}, "3"),
    ({"valueBoolean": False}, "false"),
    ({"valueCodeableConcept": {"text": "阴性"}}, "阴性"),
    ({"valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA6576-8"}]}}, "pos"),
    ({"valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative (qualifier value)"}]}}, "neg"),
    ({"valueCodeableConcept": {"coding": [{"code": "x", "display": "odd"}]}}, "odd"),
    ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1:128"),
    ({"valueRange": {"low": {"value": 1}, "high": {"value": 3}}}, "1~3"),
    ({"valueSampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1}}, "(SampledData)"),
    ({"valueDateTime": "2024-01-01"}, "2024-01-01"),
    ({"dataAbsentReason": {"text": "refused"}}, ""),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_values(tmp_path: Path, value: dict[str, object], text: str) -> None:
    path = tmp_path / "value.json"
    path.write_text(json.dumps({
        "resourceType": "Observation", "code": {"text": "x"}, **value,
        "subject": {"identifier": {"system": "urn:oid:1.2.3", "value": "M1"}},
    }))  # fmt: skip
    assert read(path).results("mrn", "value") == [("M1", text)]


def test_a_name_is_not_said_of_what_loinc_codes(tmp_path: Path) -> None:
    """Creatinine of urine is called creatinine, too."""
    path = tmp_path / "name.ndjson"
    subject = {"identifier": {"system": "urn:oid:1.2.3", "value": "M1"}}
    codings = [
        [{"system": "http://loinc.org", "code": "2161-8"}],
        [{"system": "urn:local", "code": "CR"}],
        [{"system": "http://loinc.org", "code": "5089AAAA"}],
        [{"system": "urn:local", "code": "CR"}, {"system": "http://loinc.org", "code": "14682-9"}],
    ]
    path.write_text("".join(
        json.dumps({"resourceType": "Observation", "code": {"text": "肌酐", "coding": c}, "subject": subject}) + "\n"
        for c in codings
    ))  # fmt: skip
    assert read(path).results("item_code", "item") == [
        ("2161-8", ""),
        ("CR", "肌酐"),
        ("5089AAAA", "肌酐"),
        ("14682-9", ""),
    ]


def test_a_mapping_is_suggested_for_local_codes(tmp_path: Path) -> None:
    path = tmp_path / "local.ndjson"
    subject = {"identifier": {"system": "urn:oid:1.2.3", "value": "M1"}}
    path.write_text("".join(
        json.dumps({"resourceType": "Observation", "subject": subject, "effectiveDateTime": "2024-03-05",
                    "code": {"coding": [{"system": "urn:lab", "code": "X17", "display": "血红蛋白测定"}]},
                    "valueQuantity": {"value": 120 + n, "unit": "g/L"}}) + "\n"
        for n in range(40)
    ))  # fmt: skip
    made = suggest.suggest(PROJECT_ROOT, path, None, "lab")
    assert (made.source, made.layout, made.document["codes"]) == (
        "exam", "long", {"X17": {"indicator": "HGB", "unit": "g/L"}},
    )  # fmt: skip
    assert "columns" not in made.document


def test_a_hundred_thousand_levels(tmp_path: Path) -> None:
    deep = '{"resourceType":"Observation","x":' + "[" * 10**5 + "]" * 10**5 + "}"
    alone, among = tmp_path / "deep.json", tmp_path / "deep.ndjson"
    alone.write_text(deep)
    with pytest.raises(Unreadable, match="too_deep"):
        read(alone)
    among.write_text(f'{{"resourceType":"Claim"}}\n{deep}\n')
    assert read(among).bad == {0: "unsupported_resource", 1: "too_deep"}


def test_items_may_nest_deep(tmp_path: Path) -> None:
    path, item = tmp_path / "items.json", '{"linkId":"q","answer":[{"valueInteger":1}]}'
    for _ in range(200):
        item = f'{{"linkId":"g","item":[{item}]}}'
    path.write_text(
        f'{{"resourceType":"QuestionnaireResponse","questionnaire":"X","subject":{{"identifier":{{"system":"s","value":"1"}}}},'
        f'"item":[{item}]}}'
    )
    assert [r["answer"] for r in read(path).rows["questionnaire"]] == ["1"]


def test_pieces_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_cut, "PIECE_BYTES", 700)
    for name in ("visits.ndjson", "statuses.ndjson", "questionnaire_by_loinc.json", "identifiers.ndjson"):
        monkeypatch.setattr(fhir_cut, "PIECE_BYTES", 4 << 20)
        whole = fixture(name)
        monkeypatch.setattr(fhir_cut, "PIECE_BYTES", 700)
        assert fixture(name) == whole
        zipped = tmp_path / f"{name}.gz"
        zipped.write_bytes(gzip.compress((FIXTURES / name).read_bytes()))
        assert read(zipped) == whole


def test_a_line_may_be_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / "bundles.ndjson"
    line = json.dumps(json.loads((FIXTURES / "questionnaire_by_loinc.json").read_text()))
    path.write_text(f"\n{line}\n\n{line}\n")
    found = read(path)
    assert (found.records, found.told, len(found.rows["questionnaire"])) == (6, [1, 4], 6)


def test_a_document_may_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_cut, "MAX_DOCUMENT_BYTES", 100)
    with pytest.raises(Unreadable, match="record_too_long"):
        fixture("cyclic_references.json")


def test_a_source_that_fhir_does_not_hold() -> None:
    with pytest.raises(Unreadable, match="unsupported_source"):
        fixture("visits.ndjson", "follow_up")


@pytest.mark.parametrize("name", sorted(p.name for p in FIXTURES.iterdir()))
def test_every_fixture_is_known_for_fhir(name: str) -> None:
    assert formats.detect(FIXTURES / name) == "fhir"
