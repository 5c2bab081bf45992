"""Cells of files that leave."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from wellhouse.web import exports

CELLS = st.one_of(st.text(max_size=30), st.integers(), st.dates(), st.none())


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0"])
def test_what_would_run_is_text(evil: str) -> None:
    assert exports.safe(evil) == f"'{evil}"


@pytest.mark.parametrize("plain", ["王小明", "a-b", "", -5, -1.5, None, dt.date(2024, 1, 1)])
def test_what_would_not_run_stays(plain: object) -> None:
    assert exports.safe(plain) == plain


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
def test_a_spreadsheet_runs_no_cell_and_counts_every_row(rows: list[list[object]]) -> None:
    table = [["a", "b"], *rows]
    data = exports.csv_bytes(table)
    assert exports.count(data, exports.CSV) == len(rows)
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        for cell in row:
            assert not cell.startswith(exports.RUNS) or cell.lstrip("-").isdigit()
    book = load_workbook(io.BytesIO(exports.xlsx_bytes(table)))
    assert {c.data_type for row in book.worksheets[0].iter_rows() for c in row} <= {"s", "n", "d", "inlineStr"}
