"""A record's key: the source's number of it; without one its person, day and whatever else tells records apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wellhouse.crypto import pseudonym
from wellhouse.ingest import dictionary, formats, mapping
from wellhouse.ingest.batch import Layout
from wellhouse.ingest.check import Strangers
from wellhouse.ingest.parts import Part
from wellhouse.ingest.rejects import Rejects
from wellhouse.settings import PROJECT_ROOT

ANN, BOB = "11010519491231002X", "440106199001011235"


def keys(folder: Path, source: str, header: str, rows: list[str]) -> list[int]:
    """The key of each row."""
    path = folder / "a.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    own = mapping.read(PROJECT_ROOT / f"mappings/{source}.yaml")
    with formats.open_source(path, "csv", own) as opened:
        part = Part(
            Layout(own, opened.header.names, opened.header.places, "hz", 1, b"key"), dictionary.load(PROJECT_ROOT)
        )
        (piece,) = opened.pieces(part.used())
        rejects = Rejects()
        batch = part.read(piece.table, 1 + piece.good, rejects, Strangers())
    assert not rejects.rows
    tables = batch.tables
    table = tables["questionnaire_answer" if source == "questionnaire" else source]
    assert len(table) == len(rows)
    return [int(k) for k in table[{"questionnaire": "response_key"}.get(source, f"{source}_key")].to_numpy()]


ASKED = "证件号码,问卷编号,问卷名称,填写日期,题号,答案"
ANSWERS = {
    "ann's phq": f"{ANN},,PHQ-9,2024-03-05,1,1",
    "ann's gad": f"{ANN},,GAD-7,2024-03-05,1,2",
    "bob's phq": f"{BOB},,PHQ-9,2024-03-05,1,3",
    "numbered": f"{BOB},q7,PHQ-9,2024-03-05,1,3",
}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0], [2, 0, 1, 3]])
def test_responses_without_a_number(tmp_path: Path, order: list[int]) -> None:
    """The same in whatever order and company they come: a resend is known again, and nothing is taken for another."""
    names = list(ANSWERS)
    alone = {name: keys(tmp_path, "questionnaire", ASKED, [ANSWERS[name]])[0] for name in names}
    together = keys(tmp_path, "questionnaire", ASKED, [ANSWERS[names[i]] for i in order])
    # persons are numbered in the order of the file, and the key holds the person: here only who is alone compares
    assert len(set(together)) == len(names)
    assert together[order.index(3)] == alone["numbered"]
    first = names[order[0]]
    assert together[0] == alone[first]


def test_answers_of_a_response_share_its_key(tmp_path: Path) -> None:
    rows = [f"{ANN},,{q},2024-03-05,{n},1" for q in ("PHQ-9", "GAD-7") for n in (1, 2)]
    found = keys(tmp_path, "questionnaire", ASKED, rows)
    assert found[0] == found[1] != found[2] == found[3]
    assert keys(tmp_path, "questionnaire", ASKED, rows[2:] + rows[:2]) == found[2:] + found[:2]


@pytest.mark.parametrize("number", ["", "p1"])
def test_plans_of_two_people(tmp_path: Path, number: str) -> None:
    """Without a number the same item on the same day is another person's plan; with one it stays the plan's."""
    header = "证件号码,方案编号,计划日期,类别,项目"
    rows = [f"{who},{number},2024-03-05,diet,{item}" for who in (ANN, BOB) for item in ("salt", "oil")]
    found = keys(tmp_path, "care_plan", header, rows)
    assert len(np.unique(found)) == (2 if number else 4)


def test_plans_of_a_file_without_numbers(tmp_path: Path) -> None:
    rows = [f"{who},2024-03-05,diet,salt" for who in (ANN, BOB)]
    assert len(set(keys(tmp_path, "care_plan", "证件号码,计划日期,类别,项目", rows))) == 2


def test_an_event_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    header = "证件号码,卡号,事件,事件日期"
    usual, *others = (
        keys(tmp_path, "card", header, [f"{ANN},k1,{event},{day}"])[0]
        for event, day in (
            ("开卡", "2024-03-05"), ("开卡", "2024/3/5"), ("issue", "2024-03-05"), ("Issue", "2024年3月5日 08:00"),
            ("续卡", "2024-03-05"), ("开卡", "2024-03-06"),
        )
    )  # fmt: skip
    assert [other == usual for other in others] == [True, True, True, False, False]
    # of files loaded before: what the usual spelling says is what the key is made of
    assert usual == pseudonym.record_key(b"key", "card", "hz", "K1|开卡|2024-03-05")


def test_so_is_an_item_of_a_plan(tmp_path: Path) -> None:
    header = "证件号码,方案编号,计划日期,类别,项目"
    found = {
        keys(tmp_path, "care_plan", header, [f"{ANN},p1,{day},diet,少盐"])[0] for day in ("2024-03-05", "20240305")
    }
    assert found == {pseudonym.record_key(b"key", "care_plan", "hz", "P1|2024-03-05|少盐")}
