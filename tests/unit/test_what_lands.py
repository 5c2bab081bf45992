"""From a file to the tables of ``landing``: what a record becomes there, and what must never stand there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wellhouse.ingest import dictionary, formats, mapping
from wellhouse.ingest.batch import Layout
from wellhouse.ingest.check import Strangers
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.parts import Part
from wellhouse.ingest.rejects import Rejects
from wellhouse.settings import PROJECT_ROOT

MSH = "MSH|^~\\&|LIS|W|W|W|20240305||ORU^R01|1|P|2.5"
TOLD = "误报 应为王五 13800138000"


@dataclass
class Landed:
    """``rows`` by table; ``refused``: (field, reason)."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: list[tuple[str | None, str]] = field(default_factory=list)

    def column(self, table: str, name: str) -> list[Any]:
        return [row[name] for row in self.rows.get(table, [])]


def land(path: Path, text: str, source: str) -> Landed:
    path.write_text(text, encoding="utf-8")
    form = formats.detect(path)
    chosen = formats.adapted(form, mapping.choose(PROJECT_ROOT, source, "s", form))
    known, strangers, landed = dictionary.load(PROJECT_ROOT), Strangers(), Landed()
    parts: dict[str, Part] = {}

    def part(reads: Mapping, header: Header) -> Part:
        layout = Layout(reads, header.names, header.places, "s", 1, b"k" * 32)
        return parts.setdefault(reads.source, Part(layout, known))

    with formats.open_source(path, form, chosen) as opened:
        own = part(chosen, opened.header)
        for piece in opened.pieces(own.used()):
            rejects = Rejects()
            landed.refused += [(None, reason) for _, reason, _ in piece.bad]
            batches = [own.read(piece.table, 1 + piece.good, rejects, strangers, piece.refused)]
            for also in piece.also:
                other = part(formats.also(PROJECT_ROOT, also.source, chosen, "s"), also.header)
                batches.append(other.read(also.table, 1 + also.good, rejects, strangers))
            for batch in batches:
                for name, table in batch.tables.items():
                    landed.rows.setdefault(name, []).extend(table.to_pylist())
            landed.refused += zip(rejects.fields, rejects.reasons, strict=True)
    return landed


def results(folder: Path, *obx: str) -> Landed:
    segments = (MSH, "PID|1||M1^^^HIS^MR||张^三||19800505|M", "OBR|1|||X|||20240305080000", *obx, "")
    return land(folder / "a.hl7", "\r".join(segments), "exam")


@pytest.mark.parametrize("code", ["2955-3^Sodium^LN", "5792-7^葡萄糖^LN", "1754-1^Albumin^LN"])
def test_a_loinc_code_that_is_not_known_is_never_read_by_its_name(tmp_path: Path, code: str) -> None:
    """The name is that of another specimen's result."""
    landed = results(tmp_path, f"OBX|1|NM|{code}||5.5|mmol/L|||||F")
    assert landed.column("observation", "indicator_code") == []
    assert [reason for _, reason in landed.refused] == ["unknown_indicator"]


def test_nor_in_a_table(tmp_path: Path) -> None:
    landed = land(
        tmp_path / "a.csv",
        "档案号,体检日期,项目代码,项目名称,结果,单位\n"
        "M1,2024-03-05,2955-3,钠,120,mmol/L\nM1,2024-03-05,K01,钾,4.1,mmol/L\n",
        "exam",
    )
    assert landed.column("observation", "indicator_code") == ["K"]
    assert [reason for _, reason in landed.refused] == ["unknown_indicator"]


def test_what_a_result_that_is_taken_back_says_lands_where_it_is_a_result(tmp_path: Path) -> None:
    landed = results(
        tmp_path,
        f"OBX|1|ST|2345-7^Glucose^LN||{TOLD}|mmol/L|||||D",
        f"OBX|2|NM|2951-2^Sodium^LN||140|{TOLD}|||||X",
        "OBX|3|NM|2823-3^Potassium^LN||4.1|mmol/L|||||D",
    )
    assert landed.column("observation", "value_raw") == ["", "", "4.1"]
    assert landed.column("observation", "unit_raw") == ["", "", "mmol/L"]
    assert landed.column("observation", "value") == [None, None, 4.1]
    assert landed.refused == []


def response(folder: Path, *items: dict[str, Any]) -> Landed:
    patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:hz", "value": "M1"}]}
    answered = {
        "resourceType": "QuestionnaireResponse", "id": "q1", "status": "entered-in-error", "questionnaire": "LIFE",
        "subject": {"reference": "Patient/p"}, "authored": "2024-03-05", "item": list(items),
    }  # fmt: skip
    bundle = {"resourceType": "Bundle", "entry": [{"resource": r} for r in (patient, answered)]}
    return land(folder / "a.json", json.dumps(bundle), "questionnaire")


def test_what_an_answer_that_is_withdrawn_says_lands_where_it_is_understood(tmp_path: Path) -> None:
    landed = response(
        tmp_path,
        {"linkId": "1", "answer": [{"valueString": TOLD}]},
        {"linkId": "2", "answer": [{"valueInteger": 3}]},
    )
    assert landed.column("questionnaire_answer", "question_code") == ["1", "2"]
    assert landed.column("questionnaire_answer", "value_raw") == ["", "3"]


ASKED = "档案号,问卷名称,填写日期,题号,答案\n"


@pytest.mark.parametrize(
    "code", ["1", "q.1-a", "PHQ_9/3", "/54114-4/54117-7", "1#2", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "44250-9"]
)
def test_a_question_has_a_code(tmp_path: Path, code: str) -> None:
    landed = land(tmp_path / "a.csv", f"{ASKED}M1,PHQ-9,2024-03-05,{code},1\n", "questionnaire")
    assert (len(landed.column("questionnaire_answer", "question_code")), landed.refused) == (1, [])


@pytest.mark.parametrize("code", ["张三", "13800138000", "138-0013-8000", "2024 03 05", "q" * 65, "11010519491231002X"])
def test_what_is_no_code_of_a_question_never_lands(tmp_path: Path, code: str) -> None:
    landed = land(tmp_path / "a.csv", f"{ASKED}M1,PHQ-9,2024-03-05,{code},1\n", "questionnaire")
    assert landed.rows.get("questionnaire_answer", []) == []
    assert landed.refused == [("题号", "unknown_word")]


def test_what_a_form_or_the_mapping_knows_is_a_code_of_a_question(tmp_path: Path) -> None:
    form = {
        "resourceType": "Questionnaire",
        "id": "f",
        "url": "LIFE",
        "item": [{"linkId": "睡眠 1", "text": "睡得好吗"}],
    }
    answer = {
        "resourceType": "QuestionnaireResponse", "id": "q1", "status": "completed", "questionnaire": "LIFE",
        "subject": {"identifier": {"system": "urn:hz", "value": "M1"}}, "authored": "2024-03-05",
        "item": [{"linkId": "睡眠 1", "answer": [{"valueInteger": 3}]}],
    }  # fmt: skip
    bundle = {"resourceType": "Bundle", "entry": [{"resource": r} for r in (form, answer)]}
    landed = land(tmp_path / "a.json", json.dumps(bundle), "questionnaire")
    assert (landed.column("questionnaire_answer", "question_code"), landed.refused) == (["睡眠 1"], [])


def test_a_plan_is_what_is_coded_not_what_is_told_about_it(tmp_path: Path) -> None:
    plan = {
        "resourceType": "CarePlan", "id": "c1", "status": "active", "intent": "plan",
        "subject": {"identifier": {"system": "urn:hz", "value": "M1"}}, "category": [{"text": "diet"}],
        "period": {"start": "2024-03-05"},
        "activity": [{"detail": {"description": TOLD}}, {"detail": {"code": {"text": "少盐"}, "description": TOLD}}],
    }  # fmt: skip
    landed = land(tmp_path / "a.json", json.dumps({"resourceType": "Bundle", "entry": [{"resource": plan}]}), "exam")
    assert landed.column("care_plan", "item") == ["少盐"]
    assert [reason for _, reason in landed.refused] == ["missing_value"]


EXAM = "体检编号,档案号,体检日期,空腹血糖(mmol/L)\n"


def test_a_number_that_a_spreadsheet_made_a_decimal_is_the_same_exam(tmp_path: Path) -> None:
    keys = [
        land(tmp_path / "a.csv", f"{EXAM}{number},M1,2024-03-05,5.6\n", "exam").column("exam", "exam_key")
        for number in ("202403050001", "202403050001.0", "V1.0")
    ]
    assert keys[0] == keys[1] != keys[2]


def test_an_exam_number_in_scientific_notation_is_several_peoples(tmp_path: Path) -> None:
    landed = land(tmp_path / "a.csv", f"{EXAM}2.02403E+11,M1,2024-03-05,5.6\n", "exam")
    assert (landed.rows.get("exam", []), landed.refused) == ([], [("体检编号", "id_damaged")])


CARD = "档案号,卡号,事件,事件日期\n"


def test_nor_is_a_card_known_by_it(tmp_path: Path) -> None:
    keys = [
        land(tmp_path / "a.csv", f"{CARD}M1,{number},开卡,2024-03-05\n", "card").column("card", "card_key")
        for number in ("202403050001", "202403050001.0", "2.02403E+11")
    ]
    assert keys[0] == keys[1] != keys[2] == []


def test_the_name_of_a_result_is_no_footer(tmp_path: Path) -> None:
    landed = land(
        tmp_path / "a.csv",
        "item,value,unit,exam_date,mrn\nTotal Cholesterol,5.2,mmol/L,2024-03-05,M1\nTotal 1,,,,\nTotal: one row,,,,\n",
        "exam",
    )
    assert landed.column("observation", "indicator_code") == ["TC"]
    assert landed.refused == [(None, "footer")] * 2
