"""No table, however damaged, crashes its parser, hangs it, or loses a record; the long version is tests/faults."""

from __future__ import annotations

import csv
import io
import random
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.mutations import HEADER, SEEDS, damaged, holds
from wellhouse.ingest import dates, identity, mapping, pairs, values
from wellhouse.settings import PROJECT_ROOT

EXAM = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
RESULT = st.text(
    st.sampled_from("0123456789.,-+<>≤≥/×xX^eE*↑↓HL%μgmolL '（）()阴阳性未检偏高低～至  １２"), max_size=16
)


@settings(max_examples=300, deadline=None)
@given(TEXT | RESULT)
def test_any_text_is_a_result_or_none(text: str) -> None:
    read = values.parse_text(text)
    assert (read.kind is values.Kind.NUMBER) == (read.value == read.value)
    assert (read.kind is values.Kind.WORD) == (read.word is not None)
    assert read.kind is values.Kind.NUMBER or (read.unit is None and read.comparator is None)
    assert len(pairs.halves(text)) == 2
    dates.parse_date(text)
    identity.parse_phone(text)
    with suppress(identity.Rejected):
        identity.parse_id(text)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    holds(data, EXAM)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(CELL, min_size=6, max_size=6), max_size=8), st.sampled_from(["utf-8-sig", "gb18030", "utf-16"])
)
def test_what_was_written_as_csv_is_what_is_read(rows: list[list[str]], encoding: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([HEADER, *rows])
    assert holds(text.getvalue().encode(encoding), EXAM) == "read"


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.lists(CELL | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | st.dates(), max_size=7), max_size=6)
)
def test_any_sheet_is_read_or_refused(rows: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    for row in [HEADER, *rows]:
        book.active.append([cell if not isinstance(cell, str) else cell.replace("\x7f", "") for cell in row])
    made = io.BytesIO()
    book.save(made)
    assert holds(made.getvalue(), EXAM) == "read"


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_are_read_or_refused(seed: str) -> None:
    good = SEEDS[seed]()
    assert holds(good, EXAM) == "read"
    draw = random.Random(f"{seed} 1")  # noqa: S311
    for _ in range(60):
        holds(damaged(good, draw), EXAM)


def test_half_a_character_at_the_end_is_not_lost() -> None:
    """Found by damaging: UTF-16 of an odd number of bytes."""
    assert holds(SEEDS["csv_utf16"]()[:-1], EXAM) == "read"
