"""Two results in one cell are two observations, or none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from wellhouse.ingest import dictionary, mapping, pairs
from wellhouse.ingest.batch import Layout
from wellhouse.ingest.formats import Piece
from wellhouse.ingest.values import Kind, parse_text
from wellhouse.settings import PROJECT_ROOT

EXAM = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [("120/80", "120", "80"), ("１２０／８０", "120", "80"), (" 120 / 80 ", "120", "80"),
     ("120/80mmHg", "120mmHg", "80mmHg"),
     ("16.0/10.6 kPa", "16.0kPa", "10.6kPa"), ("120/80↑", "120↑", "80↑"), ("未检", "未检", "未检"), ("", "", "")],
)  # fmt: skip
def test_halves(text: str, first: str, second: str) -> None:
    assert pairs.halves(text) == (first, second)


@pytest.mark.parametrize("text", ["120", "120/", "/80", "120/80/60", "120-80", "高", "120/80.5.1"])
def test_what_is_no_pair_is_no_number_for_either(text: str) -> None:
    assert [parse_text(half).kind for half in pairs.halves(text)] == [Kind.NEITHER] * 2


def test_a_long_row_of_two_results_is_two_rows_of_one_record() -> None:
    headers = ("证件号码", "体检日期", "项目名称", "结果", "单位")
    layout = Layout(EXAM, headers, EXAM.find(list(headers)), "s", 1, b"")
    rows = [
        ("a", "d", "空腹血糖", "5.1", "mmol/L"),
        ("a", "d", "血压(mmHg)", "120/80", ""),
        ("a", "d", "体重", "60", "kg"),
    ]
    table = pa.table({str(i): pa.array(column) for i, column in enumerate(zip(*rows, strict=True))})
    piece = Piece(b"", np.arange(3), table, np.arange(3), [])
    spread = pairs.spread(piece, layout, dictionary.load(PROJECT_ROOT))
    assert spread.good.tolist() == [0, 1, 1, 2]
    assert spread.table.column("2").to_pylist() == ["空腹血糖", "SBP(mmHg)", "DBP(mmHg)", "体重"]
    assert spread.table.column("3").to_pylist() == ["5.1", "120", "80", "60"]
