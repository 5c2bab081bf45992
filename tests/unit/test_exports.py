"""Cells of files that leave."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from wellhouse import exports

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


LINK = '<a href="/superset/dashboard/person-page/?f=(val:!(7))">7\u00a0→</a>'
TABLE = [["Person", "What", "Days"], [LINK, 'a < b, \n"c"', -5], ['<a href="/x">=1+1</a>', LINK + "!", None]]


def test_a_link_leaves_as_what_one_clicks_on() -> None:
    """Nothing else of the file changes, and what would run as a formula still does not."""
    text = exports.unlinked(exports.csv_bytes(TABLE), exports.CSV).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["Person", "What", "Days"], ["7", "a < b, \n\"c\"", "-5"], ["'=1+1", LINK + "!", ""],
    ]  # fmt: skip
    book = load_workbook(io.BytesIO(exports.unlinked(exports.xlsx_bytes(TABLE), exports.XLSX)))
    cells = [[c.value for c in row] for row in book.worksheets[0].iter_rows()]
    assert cells == [["Person", "What", "Days"], ["7", 'a < b, \n"c"', -5], ["'=1+1", LINK + "!", None]]


@pytest.mark.parametrize("kind", exports.KINDS)
def test_a_file_without_links_is_the_same_bytes(kind: str) -> None:
    data = exports.csv_bytes(TABLE[:1]) if kind == exports.CSV else exports.xlsx_bytes(TABLE[:1])
    assert exports.unlinked(data, kind) == data
