"""JSON of questionnaires and service records: arrays, lines, nested answers; a broken record is refused alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from wellhouse.ingest import formats, mapping
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

FOLLOW_UP = mapping.read(PROJECT_ROOT / "mappings/follow_up.yaml")
RECORD = {
    "随访编号": "f1",
    "证件号码": "11010519491231002X",
    "随访日期": "2024-03-05",
    "随访方式": "电话",
    "随访结果": "已接通",
}


def read(path: Path) -> tuple[formats.Source, list[dict[str, str]], list[tuple[int, str]]]:
    """(source, rows by member, (record, reason)); the file is what was cut from it, byte for byte."""
    rows: list[dict[str, str]] = []
    bad: list[tuple[int, str]] = []
    with formats.open_source(path, formats.detect(path), FOLLOW_UP) as source:
        whole, first = source.head, 0
        for piece in source.pieces(set(range(len(source.header.names)))):
            rows += [{source.header.names[int(k)]: v for k, v in row.items()} for row in piece.table.to_pylist()]
            bad += [(first + i, reason) for i, reason, _ in piece.bad]
            whole += piece.data
            first += len(piece.starts)
        content = path.read_bytes()
        assert whole == (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        return source, rows, bad


def array(records: list[Any]) -> str:
    return json.dumps(records, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        array([RECORD, RECORD]),
        json.dumps([RECORD, RECORD], ensure_ascii=False, indent=2),
        json.dumps(RECORD) + "\n\n" + json.dumps(RECORD),
        "\n[\n" + json.dumps(RECORD) + "\n,\n" + json.dumps(RECORD) + "\n]\n",
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_arrays_and_lines_give_the_same_records(tmp_path: Path, text: str, bom: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(bom + text.encode())
    source, rows, bad = read(path)
    assert (source.header.missing, bad) == ((), [])
    assert rows == [RECORD, RECORD]


def test_a_gzipped_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(array([RECORD]).encode()))
    assert read(path)[1] == [RECORD]


def test_a_member_that_only_the_last_record_has_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(array([RECORD] * 5000 + [RECORD | {"下次随访日期": "2024-06-05"}]), encoding="utf-8")
    source, rows, _ = read(path)
    assert "next_date" in source.header.places
    assert [rows[0]["下次随访日期"], rows[-1]["下次随访日期"]] == ["", "2024-06-05"]


def test_numbers_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        '[{"a": 110105194912310021, "b": 5.10, "c": 1e400, "d": true, "e": null, "f": 12345678901234567890123}]'
    )
    assert list(read(path)[1][0].values()) == [
        "110105194912310021",
        "5.10",
        "1e400",
        "true",
        "",
        "12345678901234567890123",
    ]


def test_a_list_of_answers_is_a_row_of_each_and_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    answers = [{"题号": "q1", "答案": "是"}, {"题号": "q2", "答案": 3}]
    path.write_text(array([{"问卷名称": "生活方式", "person": {"姓名": "张三"}, "answers": answers}]), encoding="utf-8")
    _, rows, _ = read(path)
    assert [(r["问卷名称"], r["person.姓名"], r["题号"], r["答案"]) for r in rows] == [
        ("生活方式", "张三", "q1", "是"),
        ("生活方式", "张三", "q2", "3"),
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{'a': 1}", "bad_json"),
        ('{"a": 1', "bad_json"),
        ("[1]", "bad_json"),
        ("12", "bad_json"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "bad_json"),
        ('{"随访编号": "f1", "a": {"x": "y:z"}, "随访编号": "f2"}', "duplicate_member"),
        ('{"a": {"b": {"c": 1}}}', "nested_value"),
        ('{"a": [1, 2]}', "nested_value"),
        ('{"a": "x\\u0000y"}', "nul_character"),
        ('{"a": "\\ud800"}', "bad_json"),
    ],
)
def test_a_bad_line_is_refused_alone(tmp_path: Path, record: str, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    line = json.dumps(RECORD, ensure_ascii=False)
    path.write_text(f"{line}\n{record}\n{line}\n", encoding="utf-8")
    _, rows, bad = read(path)
    assert ([r["随访编号"] for r in rows], bad) == (["f1", "f1"], [(1, reason)])


def test_an_array_that_breaks_off_keeps_the_records_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(array([RECORD, RECORD, RECORD])[:-30], encoding="utf-8")
    _, rows, bad = read(path)
    assert (len(rows), bad) == (2, [(2, "bad_json")])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (array([RECORD]).encode("gb18030"), "wrong_encoding"),
        (array([RECORD]).encode("utf-16"), "wrong_encoding"),
        (b"[]", "bad_json"),
        (b'[{"a": "' + b"x" * (6 << 20), "record_too_long"),
        (gzip.compress(array([RECORD] * 900).encode())[:-20], "truncated_gzip"),
    ],
)
def test_a_file_that_is_no_json_has_one_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refused, formats.open_source(path, "json", FOLLOW_UP):
        pass
    assert refused.value.reason == reason


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("before", "behind"),
    [("", ""), ('"code": 0, "msg": "ok [1] {2}", ', ', "total": 2'), ("", ', "page": {"number": 1}'),
     ('"ok": true, "data": {"page": 1, ', ', "size": 10}')],
)  # fmt: skip
def test_objects_in_the_envelope_of_a_web_service_are_records(
    tmp_path: Path, before: str, behind: str, indent: int | None
) -> None:
    path = tmp_path / "a.json"
    records = json.dumps([RECORD] * 2, indent=indent)
    path.write_text(f'{{{before}"rows": {records}{behind}}}\n', encoding="utf-8")
    source, rows, bad = read(path)
    assert (list(source.header.names), len(rows), bad) == (list(RECORD), 2, [])


def test_an_envelope_may_be_larger_than_a_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"rows": {array([RECORD] * 30_000)}, "total": 30000}}', encoding="utf-8")
    _, rows, bad = read(path)
    assert (len(rows), bad) == (30_000, [])


def test_an_envelope_that_breaks_off_or_holds_more_records_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = f'{{"rows": {array([RECORD, RECORD])}'
    path.write_text(text[:-30], encoding="utf-8")
    assert (len(read(path)[1]), read(path)[2]) == (1, [(1, "bad_json")])
    path.write_text(f'{text}, "old": {array([RECORD])}}}', encoding="utf-8")
    assert (len(read(path)[1]), read(path)[2]) == (2, [(2, "bad_json")])


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_inside_what_one_person_said_is_no_envelope(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"answers": [{"题号": "1"}, {"题号": "2"}], **RECORD}, indent=indent), encoding="utf-8")
    with formats.open_source(path, "json", FOLLOW_UP) as source:
        assert [len(piece.starts) for piece in source.pieces({0})] == [1]
    assert [row["题号"] for row in read(path)[1]] == ["1", "2"]


def test_an_object_of_two_persons_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    both = {"rows": [RECORD, {**RECORD, "证件号码": "110105491231002"}]}
    path.write_text(f"{json.dumps(both)}\n{json.dumps(RECORD)}\n", encoding="utf-8")
    _, rows, bad = read(path)
    assert (len(rows), bad) == (1, [(0, "several_persons")])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_json_is_known_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(array([RECORD]), encoding=encoding)
    assert formats.detect(path) == "json"


def test_an_envelope_with_bytes_that_are_no_text_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"c\xf5de": 0, "rows": ' + array([RECORD] * 2).encode() + b"}")
    with pytest.raises(Unreadable) as refused:
        read(path)
    assert refused.value.reason == "bad_json"
    path.write_bytes(path.read_bytes() + b"\n" + array([RECORD]).strip("[]").encode())
    assert len(read(path)[1]) == 1  # which looks whether every byte is there
