"""A mapping is proposed for files that no mapping knows, and what is proposed reads them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from typer.testing import CliRunner

from wellhouse.cli import main
from wellhouse.errors import WellhouseError
from wellhouse.ingest import check, mapping, suggest
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

ID = "11010519491231002X"  # the example of GB 11643-1999
LONG = "流水,受检者,证件,检查时间,代码,名称,测定值,计量\n"


def long(path: Path) -> Path:
    """A hundred exams in codes, names and dates of its own."""
    draw = random.Random(7)  # noqa: S311
    with path.open("w", encoding="gb18030") as file:
        file.write("医院体检中心数据导出\n" + LONG)
        for n in range(1, 101):
            head = f"{n},张三,{ID},{n % 28 + 1:02d}/03/2024"
            file.write(f"{head},A01,空腹葡萄糖,{draw.gauss(95, 12):.0f},\n")
            file.write(f"{head},A02,收缩压测定,{draw.gauss(124, 14):.0f},mmHg\n")
            file.write(f"{head},A03,某某指数,{draw.gauss(7, 1):.1f},\n")
    return path


def proposed(path: Path, **options: Any) -> suggest.Suggestion:
    return suggest.suggest(PROJECT_ROOT, path, options.get("source"), options.get("site"))


def test_roles_are_found_by_headers_that_look_like_one(tmp_path: Path) -> None:
    found = proposed(long(tmp_path / "a.csv"))
    assert (found.source, found.layout, found.records) == ("exam", "long", 300)
    assert {c.role: c.header for c in found.columns} == {
        "exam_number": "流水", "name": "受检者", "id_number": "证件", "exam_date": "检查时间", "item_code": "代码",
        "item": "名称", "value": "测定值", "unit": "计量",
    }  # fmt: skip


def test_the_distribution_says_in_which_unit_results_without_one_are(tmp_path: Path) -> None:
    found = proposed(long(tmp_path / "a.csv"))
    glucose, pressure, unknown = found.items
    assert glucose.chosen is not None
    assert (glucose.chosen.indicator, glucose.chosen.unit) == ("FPG", "mg/dL")
    assert glucose.chosen.inside > 0.99
    assert glucose.count == 100
    assert 85 < glucose.quantiles[2] < 105
    assert pressure.chosen is not None
    assert pressure.chosen.indicator == "SBP"
    assert unknown.chosen is None
    assert found.document["codes"] == {
        "A01": {"indicator": "FPG", "unit": "mg/dL"},
        "A02": {"indicator": "SBP", "unit": "mm[Hg]"},
    }


def test_dates_that_only_one_format_reads_get_it(tmp_path: Path) -> None:
    assert proposed(long(tmp_path / "a.csv")).document["date_formats"] == {"exam_date": ["%d/%m/%Y"]}


def test_what_is_proposed_reads_the_file(tmp_path: Path) -> None:
    path, own = long(tmp_path / "a.csv"), tmp_path / "own.yaml"
    own.write_text(proposed(path, site="s9").text(), encoding="utf-8")
    found = check.check(PROJECT_ROOT, path, mapping.read(own), "s9").report()
    assert (found["rows"]["read"], found["rows"]["loaded"]) == (300, 200)
    assert [(r["reason"], r["count"]) for r in found["reasons"]] == [("unknown_indicator", 100)]
    assert found["mapping"] == "s9_exam 1"


def test_columns_without_a_telling_name_are_known_by_what_stands_in_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["体检号", "a", "b", "c", "收缩压(mmHg)", "fbg_local", "空腹血糖"])
    for n in range(20):
        book.active.append([f"e{n}", ID, f"2024-03-{n + 1:02d}", "13800138000", 110 + n, 5 + n / 20, 5 + n / 20])
    path = tmp_path / "a.xlsx"
    book.save(path)
    found = proposed(path)
    assert {c.role: (c.header, c.by) for c in found.columns if c.role} == {
        "exam_number": ("体检号", "header"), "id_number": ("a", "content"), "exam_date": ("b", "content"),
        "phone": ("c", "content"),
    }  # fmt: skip
    assert found.document["codes"]["空腹血糖"] == {"indicator": "FPG", "unit": "mmol/L"}


def test_a_column_named_unit_that_holds_companies_is_the_employer(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"体检号,身份证号,体检日期,单位,收缩压(mmHg)\ne1,{ID},2024-03-05,某某公司,120\n", encoding="utf-8")
    assert {c.role: c.header for c in proposed(path).columns}["employer"] == "单位"


def test_the_source_is_found_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps([{"卡号": "c1", "姓名": "张三", "档案号": "m1", "事件": "开卡", "事件日期": "2024-03-05"}])
    )
    assert proposed(path).source == "card"


def test_no_cell_of_a_person_is_in_what_is_said(tmp_path: Path) -> None:
    path = long(tmp_path / "a.csv")
    runner = CliRunner()
    for command in (["suggest", str(path)], ["suggest", str(path), "--json"], ["check", str(path), "--json"]):
        said = runner.invoke(main, ["mapping", *command])
        assert said.exit_code == 0, said.output
        for personal in ("张三", ID):
            assert personal not in said.output
    assert yaml.safe_load(runner.invoke(main, ["mapping", "suggest", str(path)]).output)["source"] == "exam"


@pytest.mark.parametrize("row", [f"x,张三,{ID},7.1", "x,张三,13912345678,7.1", "x,张三,2024-03-05,7.1"])
def test_a_first_row_that_is_somebody_is_no_header(tmp_path: Path, row: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{row}\n" * 3)
    with pytest.raises(WellhouseError, match="add a header") as said:
        proposed(path, source="exam")
    assert not [cell for cell in row.split(",")[1:] if cell in str(said.value)]


def test_ten_results_are_not_shown(tmp_path: Path) -> None:
    for count in (10, 11):
        path = tmp_path / "few.csv"
        path.write_text("姓名,收缩压(mmHg)\n" + "".join(f"张三,{110 + n}\n" for n in range(count)))
        (item,) = proposed(path, source="exam").items
        assert bool(item.quantiles) is (count == 11)


def test_check_says_what_loading_would_refuse(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [
        f"e1,{ID},2024-03-05,120", f"e2,{ID[:-1]}1,2024-03-05,120", f"e3,{ID},2024-13-05,120",
        f"e4,{ID},2024-03-05,999",
        "合计,,,3", f"e5,{ID},2024-03-05",
    ]  # fmt: skip
    path.write_text("\n".join(["体检编号,身份证号,体检日期,收缩压(mmHg)", *rows, ""]), encoding="utf-8")
    exam = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
    found = check.check(PROJECT_ROOT, path, exam, "s").report()
    assert found["rows"] == {"read": 6, "loaded": 2, "quarantined": 4, "duplicate": 0}
    assert found["observations"] == {"read": 2, "loaded": 1, "quarantined": 1, "duplicate": 0}
    assert {(r["reason"], r["field"]): r["rows"] for r in found["reasons"]} == {
        ("id_check_digit", "身份证号"): [2], ("bad_date", "体检日期"): [3], ("impossible_value", "收缩压(mmHg)"): [4],
        ("footer", None): [5], ("wrong_column_count", None): [6],
    }  # fmt: skip


def test_a_long_row_that_is_refused_is_a_result_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"l1,{ID},2024-03-05,收缩压,120,mmHg", f"l1,{ID},2024-13-05,舒张压,80,mmHg", f"l1,{ID},2024-03-05,体重,60"]
    path.write_text("\n".join(["登记号,证件号码,登记日期,项目名称,结果,单位", *rows, ""]), encoding="utf-8")
    exam = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
    found = check.check(PROJECT_ROOT, path, exam, "s").report()
    assert found["observations"] == {"read": 3, "loaded": 1, "quarantined": 2, "duplicate": 0} == found["rows"]


def test_check_knows_two_persons_in_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    other = "110105491231002"
    path.write_text(
        "体检编号,身份证号,档案号,体检日期,收缩压(mmHg)\n"
        f"e1,{ID},m1,2024-03-05,120\ne2,,m2,2024-03-05,120\ne3,{other},m2,2024-03-05,120\n",
        encoding="utf-8",
    )
    exam = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
    assert list(check.check(PROJECT_ROOT, path, exam, "s").reasons) == [("identity_conflict", "身份证号")]


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty_file"), (bytes(range(256)) * 4000, "not_text")])
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    exam = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
    assert [r["reason"] for r in check.check(PROJECT_ROOT, path, exam, "s").report()["reasons"]] == [reason]
    with pytest.raises(Unreadable):
        proposed(path)


def test_results_under_a_unit_in_the_header_are_read_as_proposed(tmp_path: Path) -> None:
    path, written = tmp_path / "a.csv", tmp_path / "a.yaml"
    rows = "".join(f"n{i},{ID},2024-03-05,{5 + i / 100:.2f},{i % 7}.5,x\n" for i in range(30))
    path.write_text(f"检查号,证件,检查时间,血糖值(mmol/L),某某指数(U/L),随便\n{rows}", encoding="utf-8")
    found = proposed(path)
    assert found.document["ignore"] == ["随便"]
    assert "Not understood, so not read: 某某指数(U/L), 随便" in found.text()
    written.write_text(found.text(), encoding="utf-8")
    report = check.check(PROJECT_ROOT, path, mapping.read(written), "demo").report()
    assert report["observations"]["loaded"] == 30
    assert {(r["field"], r["reason"]) for r in report["reasons"]} == {("某某指数(U/L)", "unknown_indicator")}
