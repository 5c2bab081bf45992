"""What result cells say, as Chinese check-up systems write them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wellhouse.ingest.values import Kind, parse, parse_text


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [("5.2", 5.2, None), ("<0.5", 0.5, "<"), ("＞200", 200, ">"), ("≥60", 60, ">="), ("6.1↑", 6.1, None),
     ("5.2 H", 5.2, None),
     ("４．５", 4.5, None), ("1,234", 1234, None), ("1.2×10^9", 1.2e9, None), ("3e2", 300, None)],
)  # fmt: skip
def test_numbers(text: str, value: float, comparator: str | None) -> None:
    assert parse_text(text) == (Kind.NUMBER, pytest.approx(value), comparator, None)


@pytest.mark.parametrize(
    ("text", "word"), [("阴性(-)", "neg"), ("阳性(+)", "1+"), ("1+", "1+"), ("++", "2+"), ("±", "+-"), ("阴性", "neg")]
)
def test_words_of_a_strip(text: str, word: str) -> None:
    kind, _, _, found = parse_text(text)
    assert (kind, found) == (Kind.WORD, word)


@pytest.mark.parametrize("text", ["", "未检", "弃检", "拒检", "/", "—"])
def test_what_was_not_done_is_absent(text: str) -> None:
    assert parse_text(text)[0] is Kind.ABSENT


@pytest.mark.parametrize("text", ["12.3.4", "abc", "约5"])
def test_what_is_no_result_is_said_to_be_none(text: str) -> None:
    assert parse_text(text)[0] is Kind.NEITHER


def test_a_column_is_read_as_its_cells_are() -> None:
    cells = ["5.2", "<0.5", "阴性", "", "abc", "5.2"]
    column = parse(pa.array(cells))
    assert column.kind.tolist() == [parse_text(c)[0] for c in cells]
    assert column.comparator.to_pylist() == [None, "<", None, None, None, None]
