"""An employer is counted by a key of its name at a site; no name is no employer."""

from __future__ import annotations

from pathlib import Path

from tests.unit.test_record_keys import ANN
from wellhouse.ingest import dictionary, formats, mapping
from wellhouse.ingest.batch import Layout
from wellhouse.ingest.check import Strangers
from wellhouse.ingest.employer import employer_key
from wellhouse.ingest.parts import Part
from wellhouse.ingest.rejects import Rejects
from wellhouse.settings import PROJECT_ROOT

KEY = b"key"


def test_a_name_is_one_key_however_it_is_spaced() -> None:
    name = "杭州样例ＡＢ有限公司"
    assert employer_key(KEY, "hz", name) == employer_key(KEY, "hz", " 杭州样例 ab有限公司 ") > 0
    assert employer_key(KEY, "hz", name) != employer_key(KEY, "hz", "杭州样例甲有限公司")


def test_another_site_and_another_installation_have_other_keys() -> None:
    keys = {employer_key(key, site, "样例有限公司") for key in (KEY, b"other") for site in ("hz", "sh")}
    assert len(keys) == 4


def test_nobody_is_no_employer() -> None:
    assert {employer_key(KEY, "hz", name) for name in ("", "  ", "无", "0000")} == {0}


def test_an_exam_has_the_key_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    named = "样例有限公司"
    rows = [f"e{n},{ANN},{employer},2024-03-0{n + 1},120" for n, employer in enumerate((named, "", f" {named}", "无"))]
    path.write_text("\n".join(["体检编号,证件号码,单位名称,体检日期,收缩压(mmHg)", *rows]) + "\n", encoding="utf-8")
    own = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
    with formats.open_source(path, "csv", own) as opened:
        layout = Layout(own, opened.header.names, opened.header.places, "hz", 1, KEY)
        part = Part(layout, dictionary.load(PROJECT_ROOT))
        (piece,) = opened.pieces(part.used())
        batch = part.read(piece.table, 1 + piece.good, Rejects(), Strangers())
    expected = employer_key(KEY, "hz", named)
    assert batch.tables["exam"]["employer_key"].to_pylist() == [expected, None, expected, None]
