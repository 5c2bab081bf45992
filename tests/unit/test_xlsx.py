"""Workbooks as Chinese systems and people write them: what is a record, what is not, and nothing is guessed."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from wellhouse.ingest import formats, mapping
from wellhouse.ingest.dates import parse_date
from wellhouse.ingest.formats import workbook
from wellhouse.ingest.identity import Rejected, parse_id
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

EXAM = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
ID = "11010519491231002X"  # the example of GB 11643-1999
NAMES = ["体检编号", "姓名", "身份证号", "体检日期", "收缩压(mmHg)"]
ROW = ["e1", "张三", ID, "2024-03-05", 120]
Fill = Callable[[openpyxl.Workbook], None]


def write(path: Path, *rows: list[Any], then: Fill | None = None) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if then:
        then(book)
    book.save(path)
    return path


def read(path: Path) -> tuple[formats.Source, list[dict[str, str]], list[tuple[int, str]], list[str]]:
    """(source, its rows by header name, (record, reason) of the bad, notes)."""
    rows: list[dict[str, str]] = []
    bad: list[tuple[int, str]] = []
    notes: list[str] = []
    with formats.open_source(path, formats.detect(path), EXAM) as source:
        first = 0
        for piece in source.pieces(set(range(len(source.header.names)))):
            assert piece.rendered
            rows += [{source.header.names[int(k)]: v for k, v in row.items()} for row in piece.table.to_pylist()]
            bad += [(first + i, reason) for i, reason, _ in piece.bad]
            notes += piece.notes
            assert len(piece.starts) == len(piece.good) + len(piece.bad)
            first += len(piece.starts)
        return source, rows, bad, notes


def test_titles_above_the_header_and_blank_rows_are_no_records(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx", ["2024年度体检报告"], [], ["单位：某公司", "", "打印日期：2024-04-01"], NAMES, ROW, [], ROW
    )
    source, rows, bad, _ = read(path)
    assert source.header.names == tuple(NAMES)
    assert [r["身份证号"] for r in rows] == [ID, ID]
    assert bad == []
    assert "2024年度体检报告" in source.head.decode()


def test_two_header_rows_with_merged_cells_are_one_header(tmp_path: Path) -> None:
    def merge(book: openpyxl.Workbook) -> None:
        for cells in ("A2:A3", "B2:B3", "C2:C3", "D2:D3", "E2:F2"):
            book.active.merge_cells(cells)

    top = ["体检编号", "姓名", "身份证号", "体检日期", "一般检查", None, "空腹血糖"]
    below = [None, None, None, None, "收缩压(mmHg)", "舒张压(mmHg)", "mmol/L"]
    path = write(tmp_path / "a.xlsx", ["汇总表"], top, below, [*ROW, 80, 5.1], then=merge)
    source, rows, _, _ = read(path)
    assert source.header.names[3:] == ("体检日期", "收缩压(mmHg)", "舒张压(mmHg)", "空腹血糖(mmol/L)")
    assert rows[0]["空腹血糖(mmol/L)"] == "5.1"


def test_a_second_row_of_units_belongs_to_the_header(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.xlsx", [*NAMES[:4], "收缩压", "空腹血糖"], [None] * 4 + ["mmHg", "(mmol/L)"], [*ROW, 5.1]
    )
    source, rows, _, _ = read(path)
    assert source.header.names[4:] == ("收缩压(mmHg)", "空腹血糖(mmol/L)")
    assert len(rows) == 1


def test_dates_numbers_and_yes_no_are_written_as_a_csv_export_would(tmp_path: Path) -> None:
    cells = [dt.date(2024, 3, 5), dt.datetime(2024, 3, 5, 8, 30), 45356, 1.0, 0.1 + 0.2, True, "'5.1"]
    path = write(tmp_path / "a.xlsx", [*NAMES[:4], "a", "b", "c", "d", "e", "f"], [*ROW[:3], *cells])
    _, rows, _, _ = read(path)
    assert list(rows[0].values())[3:] == ["2024-03-05", "2024-03-05 08:30:00", "45356", "1", "0.3", "1", "'5.1"]


def test_an_id_number_kept_as_a_number_lost_its_digits_and_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", NAMES, ["e1", "张三", 440106199001011230, "2024-03-05", 120])
    _, rows, _, _ = read(path)
    with pytest.raises(Rejected) as refused:
        parse_id(rows[0]["身份证号"])
    assert refused.value.reason == "id_damaged"


def test_fifteen_digits_kept_as_a_number_are_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", NAMES, ["e1", "张三", 110105491231002, "2024-03-05", 120])
    assert parse_id(read(path)[1][0]["身份证号"]).number == ID


def test_totals_notes_and_repeated_headers_are_counted_and_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", NAMES, ROW, NAMES, ROW, ["合计", 2], [None, "打印日期：2024-04-01"])
    _, rows, bad, _ = read(path)
    assert len(rows) == 2
    assert bad == [(1, "repeated_header"), (3, "footer"), (4, "footer")]


def test_every_sheet_with_the_header_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    def more(book: openpyxl.Workbook) -> None:
        second = book.create_sheet("女")
        second.append(["体检编号", "身份证号", "姓名", "体检日期", "空腹血糖(mmol/L)"])
        second.append(["e2", ID, "李四", "2024-03-06", 5.2])
        book.create_sheet("说明").append(["本表由系统导出"])
        hidden = book.create_sheet("旧")
        hidden.append(NAMES)
        hidden.append(ROW)
        hidden.sheet_state = "hidden"

    source, rows, bad, _ = read(write(tmp_path / "a.xlsx", NAMES, ROW, then=more))
    assert [(r["姓名"], r["收缩压(mmHg)"], r["空腹血糖(mmol/L)"]) for r in rows] == [
        ("张三", "120", ""),
        ("李四", "", "5.2"),
    ]
    assert [reason for _, reason in bad] == ["sheet_not_read", "hidden_sheet"]
    assert len(source.header.names) == 6


def with_part(path: Path, name: str, old: bytes, new: bytes) -> Path:
    """The workbook with bytes of one part replaced, as other programs write them."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            data = source.read(part)
            if part.filename == name:
                assert old in data
                data = data.replace(old, new)
            target.writestr(part.filename, data)
    path.write_bytes(out.getvalue())
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_a_formula_is_read_by_its_stored_result_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", NAMES, [*ROW[:4], "=60*2"])
    _, rows, _, notes = read(with_part(path, SHEET, b"<f>60*2</f><v />", b"<f>60*2</f><v>120</v>"))
    assert rows[0]["收缩压(mmHg)"] == "120"
    assert "formulas" in notes[0]


def test_a_formula_never_calculated_and_an_error_are_no_blank_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [*NAMES, "舒张压(mmHg)"], [*ROW[:4], "=60*2", "#N/A"])
    _, rows, _, _ = read(path)
    assert (rows[0]["收缩压(mmHg)"], rows[0]["舒张压(mmHg)"]) == ("#FORMULA", "#N/A")


def test_macros_are_ignored_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsm", NAMES, ROW)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    _, rows, _, notes = read(path)
    assert len(rows) == 1
    assert "macros" in notes[0]


def test_a_formula_typed_as_text_stays_text(tmp_path: Path) -> None:
    def text(book: openpyxl.Workbook) -> None:
        book.active["B2"].value = "=HYPERLINK(1)"
        book.active["B2"].data_type = "s"

    assert read(write(tmp_path / "a.xlsx", NAMES, ROW, then=text))[1][0]["姓名"] == "=HYPERLINK(1)"


def test_a_percentage_is_read_as_it_is_shown(tmp_path: Path) -> None:
    def percent(book: openpyxl.Workbook) -> None:
        for cell, form in (("E2", "0.0%"), ("E3", "0%"), ("E4", "0.00")):
            book.active[cell].number_format = form

    rows = [[*ROW[:4], 0.455], [*ROW[:4], 0.62], [*ROW[:4], 0.455]]
    _, read_rows, _, _ = read(write(tmp_path / "a.xlsx", [*NAMES[:4], "红细胞压积(%)"], *rows, then=percent))
    assert [r["红细胞压积(%)"] for r in read_rows] == ["45.5%", "62%", "0.455"]


def test_a_cell_merged_over_rows_is_in_each_of_them(tmp_path: Path) -> None:
    def merge(book: openpyxl.Workbook) -> None:
        for column in "ABCD":
            book.active.merge_cells(f"{column}2:{column}4")

    names = [*NAMES[:4], "项目名称", "结果"]
    below = [[None] * 4 + ["舒张压", 80], [None] * 4 + ["体重", 60], [*ROW[:4], "身高", 170], [None] * 4 + ["腰围", 80]]
    path = write(tmp_path / "a.xlsx", names, [*ROW[:4], "收缩压", 120], *below, then=merge)
    _, rows, _, _ = read(path)
    assert [r["身份证号"] for r in rows] == [ID] * 4 + [""]


def far_cell(path: Path) -> None:
    write(path, NAMES, ROW, then=lambda book: book.active.cell(1_048_576, 16_384, 1))


def truncated(path: Path) -> None:
    write(path, NAMES, *[ROW] * 200)
    path.write_bytes(path.read_bytes()[:-300])


def flipped(path: Path) -> None:
    write(path, NAMES, *[ROW] * 200)
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(data)


def bomb(path: Path) -> None:
    write(path, NAMES, ROW)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("xl/media/x.bin", "w", force_zip64=True) as part,
    ):
        for _ in range(1025):
            part.write(bytes(1 << 20))


def not_a_workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")


@pytest.mark.parametrize(
    ("make", "reason"),
    [(far_cell, "compression_bomb"), (bomb, "compression_bomb"), (truncated, "broken_workbook"),
     (flipped, "broken_workbook"), (not_a_workbook, "broken_workbook")],
)  # fmt: skip
def test_what_cannot_be_read_has_one_reason(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    path = tmp_path / "a.xlsx"
    make(path)
    with pytest.raises(Unreadable) as refused, formats.open_source(path, "xlsx", EXAM):
        pass
    assert refused.value.reason == reason


def test_a_part_is_never_unpacked_beyond_what_it_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.xlsx", NAMES, *[ROW] * 500)
    monkeypatch.setattr(workbook, "MAX_BYTES", 20_000)
    with pytest.raises(Unreadable) as refused:
        workbook.inspect(path)
    assert refused.value.reason == "compression_bomb"


def test_days_counted_from_1904_are_the_days_they_are(tmp_path: Path) -> None:
    def since_1904(book: openpyxl.Workbook) -> None:
        book.epoch = CALENDAR_MAC_1904
        for day in (dt.date(2024, 3, 5), 43894, "2024-03-05", 20240305):
            book.active.append([*ROW[:3], day, 120])

    _, rows, _, _ = read(write(tmp_path / "a.xlsx", NAMES, then=since_1904))
    assert [parse_date(row["体检日期"]) for row in rows] == [dt.date(2024, 3, 5)] * 4
    assert {row["收缩压(mmHg)"] for row in rows} == {"120"}


def test_a_sheet_that_is_not_read_says_how_many_rows_it_has(tmp_path: Path) -> None:
    def more(book: openpyxl.Workbook) -> None:
        for row in (["说明"], ["由系统导出"], ["完"]):
            (book["说明"] if "说明" in book.sheetnames else book.create_sheet("说明")).append(row)

    with formats.open_source(write(tmp_path / "a.xlsx", NAMES, ROW, then=more), "xlsx", EXAM) as source:
        *_, last = source.pieces({0})
    assert last.bad[0][2].endswith("sheet 2 with 3 rows")


def test_an_old_workbook_or_one_with_a_password_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000))
    form = formats.detect(path)
    with pytest.raises(Unreadable) as refused, formats.open_source(path, form, EXAM):
        pass
    assert (form, refused.value.reason) == ("xlsx", "broken_workbook")
