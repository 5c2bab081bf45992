"""What result cells say, as Chinese check-up systems write them."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from wellhouse.ingest.values import Kind, Reading, parse, parse_text


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [("5.2", 5.2, None), ("<0.5", 0.5, "<"), ("＞200", 200, ">"), ("≥60", 60, ">="), ("<=3", 3, "<="),
     ("6.1↑", 6.1, None),
     ("↑6.1", 6.1, None), ("5.2 H", 5.2, None), ("5.2(偏高)", 5.2, None), ("5.2 ↓↓", 5.2, None), ("*5.2", 5.2, None),
     ("４．５", 4.5, None), ("1,234", 1234, None), ("1，234.5", 1234.5, None), ("1.2×10^9", 1.2e9, None),
     ("3e2", 300, None),
     ("1.2E-3", 0.0012, None), ("'5.1", 5.1, None), ("’5.1", 5.1, None), ("−1.5", -1.5, None),
          ("５．２　", 5.2, None), (".5", 0.5, None), ("5.", 5, None), ("<　0.01", 0.01, "<"), ("小于0.5", 0.5, "<"),
     ("大于200", 200, ">")],
)  # fmt: skip
def test_numbers(text: str, value: float, comparator: str | None) -> None:
    assert parse_text(text) == Reading(Kind.NUMBER, pytest.approx(value), comparator)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("1.2×10^9/L", 1.2, "10^9/L"), ("5.6*10^12/L", 5.6, "10^12/L"), ("5.2mmol/L", 5.2, "mmol/L"),
     ("95 mg/dL", 95, "mg/dL"),
     ("45％", 45, "%"), ("36.5℃", 36.5, "°C"), ("72次/分", 72, "次/分"), ("5.2 mmol/L ↑", 5.2, "mmol/L"),
     ("6.1mmol/L H", 6.1, "mmol/L"), ("<0.5 mg/L", 0.5, "mg/L"), ("1.2×10^3 mg/L", 1200, "mg/L"), ("170cm", 170, "cm"),
     ("5.2×10⁹/L", 5.2, "10^9/L"), ("23.5 kg/㎡", 23.5, "kg/m2"), ("72/min", 72, "/min"),
     ("150 x10^9/L", 150, "10^9/L")],
)  # fmt: skip
def test_a_unit_inside_the_cell_is_said_beside_the_number(text: str, value: float, unit: str) -> None:
    found = parse_text(text)
    assert (found.kind, found.value, found.unit) == (Kind.NUMBER, pytest.approx(value), unit)


@pytest.mark.parametrize(
    ("text", "word"),
    [("阴性(-)", "neg"), ("阴性（－）", "neg"), ("阳性(+)", "1+"), ("1+", "1+"), ("++", "2+"), ("±", "+-"),
     ("阴性", "neg"),
     ("Neg.", "neg"), ("-(阴性)", "neg"), ("＋＋＋", "3+"), ("弱阳性(±)", "+-"), ("未检出", "neg"), ("(+)", "1+"),
     ("阳性↑", "pos"),
     ("2+ *", "2+")],
)  # fmt: skip
def test_words_of_a_strip(text: str, word: str) -> None:
    found = parse_text(text)
    assert (found.kind, found.word) == (Kind.WORD, word)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "　",
        "未检",
        "弃检",
        "拒检",
        "/",
        "／",
        "—",
        "——",
        "详见报告",
        "见报告单",
        "拒绝检查",
        "未检测",
        "N/A",
        "not done",
        "自动放弃",
    ],
)
def test_what_was_not_done_is_absent(text: str) -> None:
    assert parse_text(text).kind is Kind.ABSENT


@pytest.mark.parametrize("text", ["-", "－", "未见异常", "未见明显异常", "正常", "normal"])
def test_nothing_found_is_no_number_and_negative_for_a_strip(text: str) -> None:
    assert parse_text(text).kind is Kind.NOTHING


@pytest.mark.parametrize("text", ["3-5", "0～3", "1.5－2.5", "3至5", "0-3/HP", "100--200"])
def test_a_range_is_no_number(text: str) -> None:
    assert parse_text(text).kind is Kind.RANGE


@pytest.mark.parametrize(
    "text",
    ["12.3.4", "abc", "约5", "5..6", "120/80", "1,23", "5,2", "#N/A", "=1+1", "1e999", "5 6", "5.2?", "--5", "5+5"],
)
def test_what_is_no_result_is_said_to_be_none(text: str) -> None:
    assert parse_text(text).kind is Kind.NEITHER


def test_a_column_is_read_as_its_cells_are() -> None:
    cells = ["5.2", "<0.5", "阴性", "", "abc", "5.2", "95 mg/dL"]
    column = parse(pa.array(cells), units=True)
    assert column.kind.tolist() == [parse_text(c).kind for c in cells]
    assert column.comparator.to_pylist() == [None, "<", None, None, None, None, None]
    assert column.unit is not None
    assert column.unit.to_pylist() == [None] * 6 + ["mg/dL"]
    assert parse(pa.array(["5.2"]), units=True).unit is None


def test_where_no_unit_may_stand_a_number_with_one_is_none() -> None:
    assert parse(pa.array(["3分20秒", "200"])).kind.tolist() == [Kind.NEITHER, Kind.NUMBER]


def test_only_distinct_texts_are_looked_at_one_by_one() -> None:
    cells = pa.array(["5.2↑", "<0.5", "未检", "1.2×10^9/L"] * 250_000)
    begun = time.perf_counter()
    parse(cells)
    assert time.perf_counter() - begun < 1.5


@pytest.mark.parametrize("text", ["0,850", "0,125", "3x1000", "3*100", "5 x 100"])
def test_a_comma_decimal_or_a_factor_that_is_no_power_is_no_number(text: str) -> None:
    """Read as thousands or as a power they would be a thousand times wrong."""
    read = parse_text(text)
    assert read.kind is Kind.NEITHER or read.unit, "neither, or a number of a unit that nobody knows"
