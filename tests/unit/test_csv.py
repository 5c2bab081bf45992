"""Delimited text as it really comes: two header lines, footers, NUL characters, lying encodings, endless lines."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from wellhouse.ingest import formats, identity, mapping, sniff
from wellhouse.ingest.blocks import MAX_LINE_BYTES
from wellhouse.ingest.check import check
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

EXAM = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
HEADER = "体检编号,姓名,身份证号,体检日期,收缩压(mmHg)\n"
ROW = "e1,张三,11010519491231002X,2024-03-05,120\n"


def read(path: Path) -> tuple[formats.Source, list[list[str]], list[tuple[int, str]]]:
    rows: list[list[str]] = []
    bad: list[tuple[int, str]] = []
    with formats.open_source(path, formats.detect(path), EXAM) as source:
        whole, first = source.head, 0
        for piece in source.pieces(set(range(len(source.header.names)))):
            rows += [list(row.values()) for row in piece.table.to_pylist()]
            bad += [(first + i, reason) for i, reason, _ in piece.bad]
            whole += piece.data
            first += len(piece.starts)
    content = path.read_bytes()
    assert whole == (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    return source, rows, bad


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_footers_are_counted_and_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + ROW + "合计,1,,,\n" + ROW + ',"打印日期：2024-04-01"\n', encoding=encoding)
    _, rows, bad = read(path)
    assert (len(rows), bad) == (2, [(1, "footer"), (3, "footer")])


def test_a_word_of_a_footer_inside_a_record_is_data(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + ROW.replace("张三", "合计") + ROW.replace("e1", "合计划1"), encoding="utf-8")
    _, rows, bad = read(path)
    assert (len(rows), bad) == (2, [])


def test_a_line_of_units_below_the_header_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "体检编号,身份证号,体检日期,收缩压,空腹血糖\n,,,mmHg,mmol/L\n" + "e1,x,2024-03-05,120,5\n", encoding="utf-8"
    )
    source, rows, _ = read(path)
    assert source.header.names[3:] == ("收缩压(mmHg)", "空腹血糖(mmol/L)")
    assert len(rows) == 1


def test_two_header_lines_are_one_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    top, below = "体检编号,身份证号,,一般检查,\n", ",,体检日期,收缩压(mmHg),舒张压(mmHg)\n"
    path.write_text("体检汇总,,,,\n" + top + below + "e1,x,2024-03-05,120,80\n", encoding="utf-8")
    source, rows, _ = read(path)
    assert source.header.names == ("体检编号", "身份证号", "体检日期", "收缩压(mmHg)", "舒张压(mmHg)")
    assert len(rows) == 1


def test_a_nul_character_costs_its_record_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + ROW * 200 + ROW.replace("张三", "张\x00三") + ROW, encoding="utf-8")
    _, rows, bad = read(path)
    assert (len(rows), bad) == (201, [(200, "nul_character")])


def test_a_file_that_lies_about_its_encoding_has_that_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + ROW * 9).encode("gb18030"))
    with pytest.raises(Unreadable) as refused:
        read(path)
    assert refused.value.reason == "wrong_encoding"


def test_an_encoding_that_changes_in_mid_file_costs_the_records_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((HEADER + ROW * 9000).encode() + ROW.encode("gb18030"))
    _, rows, bad = read(path)
    assert (len(rows), bad) == (9000, [(9000, "undecodable")])


@pytest.mark.parametrize("start", ["", HEADER + ROW], ids=["first", "later"])
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path: Path, start: str) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(start.encode())
        file.truncate(1 << 30)  # sparse: reads as NUL characters
        file.seek(len(start.encode()))
        file.write(b"1,2,3 " * (MAX_LINE_BYTES // 3))
    begun = time.monotonic()
    with pytest.raises(Unreadable) as refused:
        read(path)
    assert refused.value.reason == "record_too_long"
    assert time.monotonic() - begun < 10


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(HEADER)
        for _ in range(2000):
            file.write(ROW * 100)
    monkeypatch.setattr(sniff, "_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(Unreadable) as refused:
        read(path)
    assert refused.value.reason == "compression_bomb"


def test_cells_that_a_spreadsheet_would_run_are_kept_as_data(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    evil = "=cmd|' /C calc'!A0"
    path.write_text(HEADER + ROW.replace("张三", evil), encoding="utf-8")
    assert read(path)[1][0][1] == evil


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_lines_may_end_with_carriage_returns_alone(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((HEADER + ROW + '"e2\ra",张三,x,2024-03-05,120\n' + ROW).replace("\n", "\r").encode(encoding))
    _, rows, bad = read(path)
    assert ([row[0] for row in rows], bad) == (["e1", "e2\ra", "e1"], [])


def test_what_keeps_a_spreadsheet_from_reading_a_number_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    guarded = '="001",="张三","=""11010519491231002X""",2024-03-05,="120"\n'
    path.write_text(HEADER.replace("姓名", '="姓名"') + guarded + ROW, encoding="utf-8")
    source, rows, bad = read(path)
    assert rows[0] == ["001", "张三", "11010519491231002X", "2024-03-05", "120"]
    assert source.header.names[1] == "姓名"
    assert bad == []


def test_blank_cells_beyond_the_header_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + ROW[:-1] + ",, \n" + ROW + ROW[:-1] + ",,x\n", encoding="utf-8")
    _, rows, bad = read(path)
    assert (len(rows), bad) == (2, [(2, "wrong_column_count")])


def test_invisible_characters_in_the_header_hide_no_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeff\ufeff" + HEADER.replace("身份证号", "身份证\u200b号") + ROW, encoding="utf-8")
    source, _, _ = read(path)
    assert {"exam_number", "id_number"} <= set(source.header.places)


def test_of_rounded_id_numbers_none_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rounded = [f"1101051949{day:04}1000" for day in range(1201, 1229)]
    path.write_text(HEADER + "".join(f"e{i},,{n},2024-03-05,120\n" for i, n in enumerate(rounded)), encoding="utf-8")
    report = check(PROJECT_ROOT, path, EXAM, "demo").report()
    assert any(identity.check_digit(n[:17]) == "0" for n in rounded)
    assert report["rows"]["quarantined"] == len(rounded)
    assert {r["reason"] for r in report["reasons"]} == {"id_damaged"}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_lines_of_blank_cells_are_no_records(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    blank = ',,,,\n"","",,,\n , ,,,\n\n'
    path.write_text(HEADER + blank + ROW + blank + ROW + ',,,,"x"\n' + blank, encoding=encoding)
    _, rows, bad = read(path)
    assert ([row[0] for row in rows], bad) == (["e1", "e1", ""], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_header_whose_first_character_holds_a_brace_is_no_json(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER.replace("体检编号", "登记号") + ROW, encoding=encoding)
    assert formats.detect(path) == "csv"


@pytest.mark.parametrize("sex", ["0", "9", "未知", "未说明的性别", "-", "U", ""])
@pytest.mark.parametrize("born", ["", "/", "未知", "1949-12-31"])
def test_a_cell_that_says_it_does_not_know_refuses_no_row(tmp_path: Path, sex: str, born: str) -> None:
    path = tmp_path / "a.csv"
    header = HEADER.replace("姓名", "姓名,性别,出生日期")
    path.write_text(header + ROW.replace("张三", f"张三,{sex},{born}"), encoding="utf-8")
    assert check(PROJECT_ROOT, path, EXAM, "demo").report()["rows"]["loaded"] == 1


def test_two_stray_quotes_cost_their_own_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    stray = [ROW.replace("张三", f'"{name}').replace("e1", number) for name, number in (("蓝天", "t1"), ("大海", "t2"))]
    path.write_text(HEADER + stray[0] + 3 * ROW + stray[1] + ROW, encoding="utf-8")
    _, rows, bad = read(path)
    assert ([row[0] for row in rows], bad) == (["e1"] * 4, [(0, "unclosed_quote"), (4, "unclosed_quote")])


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_header_may_have_line_ends_in_its_cells(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    header = HEADER.replace("体检日期", '"体检\n日期"').replace("体检编号", '"体检\n编号"')
    path.write_text((header + ROW).replace(",", delimiter), encoding="utf-8")
    source, rows, bad = read(path)
    assert (len(source.header.names), len(rows), bad) == (5, 1, [])
