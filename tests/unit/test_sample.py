"""The sample: its files are what their layouts say, broken where the truth says, and the same each time."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from wellhouse.ingest import dates, dictionary, identity
from wellhouse.ingest.identity import Rejected
from wellhouse.sample import generate
from wellhouse.sample.exams import NOT_DONE
from wellhouse.sample.files import SampleFile
from wellhouse.settings import PROJECT_ROOT

PEOPLE, YEARS, SEED = 400, 6, 11
ID_HEADERS, BIRTH = ("身份证号", "证件号码"), "出生日期"
ID_DEFECTS = {"bad_check_digit": "id_check_digit", "damaged_id": "id_damaged"}


@pytest.fixture(scope="module")
def files() -> list[SampleFile]:
    return generate.population(PEOPLE, YEARS, SEED)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    generate.write(60, 2, SEED, folder / "files", folder / "truth.json")
    return folder


def read(path: Path, encoding: str | None) -> list[list[str]]:
    """Header and rows."""
    if path.suffix == ".xlsx":
        _, *rows = openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
        return [["" if cell is None else str(cell) for cell in row] for row in rows]
    if path.suffix.startswith(".json"):
        lines = path.read_text(encoding="utf-8")
        records = json.loads(lines) if path.suffix == ".json" else list(map(json.loads, lines.splitlines()))
        header = list(dict.fromkeys(name for record in records for name in record))
        return [header, *([record.get(name, "") for name in header] for record in records)]
    text = path.read_bytes().decode("utf-16" if encoding == "utf-16-le" else encoding)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter="\t" if encoding == "utf-16-le" else ","))


def test_the_same_seed_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    generate.write(60, 2, SEED, tmp_path / "again", tmp_path / "again.json")
    generate.write(60, 2, SEED + 1, tmp_path / "other")
    paths = sorted(p.relative_to(written / "files") for p in (written / "files").rglob("*.*"))
    assert len(paths) >= 30
    for path in paths:
        assert (tmp_path / "again" / path).read_bytes() == (written / "files" / path).read_bytes(), path
    assert (tmp_path / "again.json").read_text() == (written / "truth.json").read_text()
    exam = "hz/exam/exam_2019.csv"
    assert (tmp_path / "other" / exam).read_bytes() != (written / "files" / exam).read_bytes()


def test_files_decode_and_hold_the_rows_that_the_truth_counts(written: Path) -> None:
    facts: dict[str, Any] = json.loads((written / "truth.json").read_text())
    assert {f["encoding"] for f in facts["files"]} == {"gb18030", "utf-8-sig", "utf-16-le", "utf-8", None}
    assert {Path(f["path"]).suffix for f in facts["files"]} == {".csv", ".xlsx", ".json", ".jsonl"}
    for fact in facts["files"]:
        header, *rows = read(written / "files" / fact["path"], fact["encoding"])
        assert len(rows) == fact["rows"], fact["path"]
        misshapen = [i + 1 for i, row in enumerate(rows) if len(row) != len(header)]
        assert misshapen == fact["defect_rows"].get("wrong_column_count", []), fact["path"]
    assert sum(f["rows"] for f in facts["files"]) == facts["totals"]["rows"]


def test_the_truth_names_nobody(files: list[SampleFile]) -> None:
    facts = json.dumps(generate.truth(files, PEOPLE, YEARS, SEED), ensure_ascii=False)
    for file in files:
        for row in file.rows[:50]:
            person = dict(zip(file.header, row, strict=False))
            assert person["姓名"] not in facts
            number = next((person[h] for h in ID_HEADERS if person.get(h)), "")
            assert not number or number not in facts


def test_every_id_number_is_valid_but_the_broken_ones(files: list[SampleFile]) -> None:
    checked = 0
    for file in files:
        at = next(i for i, h in enumerate(file.header) if h in ID_HEADERS)
        for index, row in enumerate(file.rows):
            kind = file.broken.get(index)
            if not row[at]:
                assert file.site == "cd"
            elif kind in ID_DEFECTS:
                with pytest.raises(Rejected) as rejected:
                    identity.parse_id(row[at])
                assert rejected.value.reason == ID_DEFECTS[kind]
            else:
                person = dict(zip(file.header, row, strict=False))
                known = identity.parse_id(row[at])
                checked += 1
                if BIRTH in person:
                    assert (dates.parse_date(person[BIRTH]) == known.birth_date) == (kind != "birth_date_mismatch")
                    assert (person["性别"] in ("男", "1")) == (known.sex == "male")
    assert checked > 10000


def test_about_one_row_in_a_hundred_is_broken_in_every_way(files: list[SampleFile]) -> None:
    rows: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    kinds: dict[tuple[str, str], set[str]] = {}
    for file in files:
        key = (file.site, file.source)
        rows[key] += len(file.rows)
        broken[key] += len(file.broken)
        kinds.setdefault(key, set()).update(file.broken.values())
    for key, count in rows.items():
        if count > 500:
            assert 0.005 < broken[key] / count < 0.021, key
    wide = {
        "bad_check_digit", "damaged_id", "birth_date_mismatch", "missing_date", "impossible_value", "unparsable_number",
        "wrong_column_count", "duplicate_row", "resent_record",
    }  # fmt: skip
    assert kinds["hz", "exam"] == kinds["cd", "exam"] == wide
    assert kinds["sh", "exam"] == wide - {"birth_date_mismatch"} | {"unknown_unit", "unknown_indicator"}
    assert kinds["hz", "questionnaire"] == {
        "bad_check_digit", "damaged_id", "missing_date", "wrong_column_count", "duplicate_row", "resent_record",
    }  # fmt: skip


def test_what_is_sent_twice_was_good_the_first_time(files: list[SampleFile]) -> None:
    first: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    twice = 0
    for file in files:
        for index, row in enumerate(file.rows):
            known = first.setdefault((file.source, file.record[index]), [])
            if file.broken.get(index) in ("duplicate_row", "resent_record"):
                assert tuple(row) in known
                twice += 1
            elif index not in file.broken:
                known.append(tuple(row))
    assert twice > 100


def test_every_column_and_unit_is_one_the_dictionary_knows(files: list[SampleFile]) -> None:
    known = dictionary.load(PROJECT_ROOT)
    for file in (f for f in files if f.source == "exam" and f.year == 2019):
        if file.site == "sh":
            good = [row for i, row in enumerate(file.rows) if i not in file.broken]
            named = {(row[file.header.index("项目名称")], row[file.header.index("单位")]) for row in good}
        else:
            first = file.header.index("身高(cm)" if file.site == "hz" else "身高[cm]")
            named = {known.header(text) for text in file.header[first:]}
        assert len(named) == 42
        for name, unit in named:
            indicator = known.indicator(name)
            assert indicator is not None, name
            assert (known.unit(unit) if unit else indicator.unit_if_blank()) in indicator.units, (name, unit)


def test_results_are_counted_as_cells_that_say_something(files: list[SampleFile]) -> None:
    file = next(f for f in files if f.name == "hz/exam/exam_2020.csv")
    first = file.header.index("身高(cm)")
    for index, row in enumerate(file.rows):
        if file.broken.get(index) != "wrong_column_count":
            assert file.results[index] == sum(1 for cell in row[first:] if cell and cell not in NOT_DONE)
