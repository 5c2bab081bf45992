"""HL7 v2: what is cut, decoded and read; what is refused and why; and that nothing is ever lost on the way."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellhouse.ingest import formats, mapping
from wellhouse.ingest.formats import Piece, hl7v2, hl7v2_cut
from wellhouse.ingest.formats import hl7v2_fields as fields
from wellhouse.ingest.formats.hl7v2_charset import Undecodable, decode
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import PROJECT_ROOT

MAPPING = mapping.read(PROJECT_ROOT / "mappings" / "hl7v2.yaml")
FIXTURES = PROJECT_ROOT / "tests" / "fixtures" / "hl7v2"
MSH = "MSH|^~\\&|LIS|HZ|WH|HZ|20240305120000||ORU^R01^ORU_R01|M1|P|2.5.1||||||UNICODE UTF-8"
PID = "PID|1||P1^^^^MR||张^三||19900307|M"
OBR = "OBR|1|O1|F1|CBC^血常规|||20240305080000"
OBX = "OBX|1|NM|718-7^血红蛋白^LN||145|g/L|130-175|N|||F"


def read(content: bytes | str, folder: Path) -> tuple[list[dict[str, str]], list[Piece]]:
    """(rows by role, pieces) of a file."""
    path = folder / "file.hl7"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rows: list[dict[str, Any]] = []
    with hl7v2.opened(path, MAPPING) as source:
        pieces = list(source.pieces({0}))
        assert source.head + b"".join(p.data for p in pieces) == path.read_bytes()
        roles = list(source.header.places)
    for piece in pieces:
        rows += piece.table.rename_columns(roles).to_pylist()
    return rows, pieces


def one(content: bytes | str, folder: Path) -> dict[str, str]:
    (row,), _ = read(content, folder)
    return row


def message(*segments: str, msh: str = MSH, end: str = "\r") -> str:
    return end.join((msh, *segments)) + end


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_any_segment_terminator(tmp_path: Path, end: str) -> None:
    row = one(message(PID, OBR, OBX, end=end), tmp_path)
    assert {role: text for role, text in row.items() if text} == {
        "mrn": "P1", "name": "张三", "sex": "M", "birth_date": "19900307", "exam_date": "20240305",
        "item_code": "718-7", "item": "血红蛋白", "value": "145", "unit": "g/L", "status": "F",
    }  # fmt: skip


def test_framed_batched_and_repeated(tmp_path: Path) -> None:
    whole = message(PID, OBR, OBX)
    framed = "".join(f"\x0b{whole}\x1c\r" for _ in range(3))
    assert len(read(framed, tmp_path)[0]) == 3
    batch = "FHS|^~\\&|A\rBHS|^~\\&|A\r" + whole * 2 + "BTS|2\rBHS|^~\\&|A\r" + whole + "BTS|1\rFTS|2\r"
    rows, pieces = read(batch, tmp_path)
    assert (len(rows), [len(p.starts) for p in pieces], pieces[-1].notes) == (3, [3], ())
    assert len(read(f"\x0b{batch}\x1c\r", tmp_path)[0]) == 3


def test_separators_of_the_message_count(tmp_path: Path) -> None:
    other = str.maketrans("|^~\\&", "*:!/@")
    row = one(message(PID, OBR, OBX.replace("g/L", "10:9@x")).translate(other), tmp_path)
    assert (row["mrn"], row["item"], row["value"]) == ("P1", "血红蛋白", "145")


def test_a_message_of_several_orders_and_persons(tmp_path: Path) -> None:
    later = OBR.replace("20240305", "20240309")
    second = PID.replace("P1", "P2")
    rows, (piece,) = read(message(PID, "ORC|RE", OBR, OBX, OBX, "ORC|RE", later, OBX, second, OBR, OBX), tmp_path)
    assert [(r["mrn"], r["exam_date"]) for r in rows] == [
        ("P1", "20240305"), ("P1", "20240305"), ("P1", "20240309"), ("P2", "20240305"),
    ]  # fmt: skip
    assert piece.good.tolist() == [0, 0, 0, 1]
    assert piece.data[piece.starts[1] :].startswith(b"PID|1||P2")


def test_an_exam_that_the_visit_names_has_one_date(tmp_path: Path) -> None:
    visit = "PV1|1|O" + "|" * 17 + "V7"
    orders = (OBR.replace("20240305", "20240309"), OBX, OBR, OBX)
    rows, _ = read(message(PID, visit, *orders), tmp_path)
    assert [(r["exam_number"], r["exam_date"]) for r in rows] == [("V7", "20240305")] * 2
    rows, _ = read(message(PID, visit + "|" * 25 + "20240304083000", *orders), tmp_path)
    assert [(r["exam_number"], r["exam_date"]) for r in rows] == [("V7", "20240304")] * 2


@pytest.mark.parametrize(
    ("pid", "expected"),
    [
        ("PID|1||110101199003070775^^^CN^NI~P1^^^HZ^MR", ("110101199003070775", "P1", "HZ")),
        ("PID|1||P9^^^&2.16.1&ISO^PI~E12345678^^^^PPN", ("E12345678", "P9", "")),
        ("PID|1||123-45-6789^^^USA^SS~P3^^^SH&1.2&ISO^MR", ("", "P3", "SH")),
        ("PID|1|P4", ("", "P4", "")),
        ("PID|1||^^^HIS^MR~P99^^^LAB^PI", ("", "P99", "LAB")),
        ('PID|1||""^^^HIS^MR~P99^^^LAB^PI', ("", "P99", "LAB")),
        ("PID|1||^^^HIS^MR~P99^^^^PI", ("", "P99", "")),
        ("PID|1||X1^^^^DL", ("", "", "")),
    ],
)
def test_identifiers_by_their_type(tmp_path: Path, pid: str, expected: tuple[str, str, str]) -> None:
    row = one(message(pid, OBR, OBX), tmp_path)
    assert (row["id_number"], row["mrn"], row["mrn_authority"]) == expected


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("NM", "5.2", "5.2"), ("ST", "阴性", "阴性"), ("TX", "A~B", "A\nB"), ("FT", "一\\.br\\二", "一\n二"),
        ("SN", "<^5", "<5"), ("SN", "^1^:^128", "1:128"), ("SN", "=^0.5", "0.5"), ("SN", "^10^-^20", "10-20"),
        ("CE", "N^阴性^L", "阴性"), ("CWE", "260415000^Not detected^SCT", "Not detected"), ("CWE", "NEG", "NEG"),
        ("DT", "20240305", "20240305"), ("TM", "0830", "0830"), ("NM", '""', ""), ("", "6.1", "6.1"),
        ("ST", "\\H\\4+\\N\\", "4+"), ("ST", "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("ST", "\\XE99988\\", "陈"), ("ST", "\\X00\\", "\\X00\\"), ("ST", "\\Zlocal\\x", "\\Zlocal\\x"),
        ("ST", "C:\\temp", "C:\\temp"),
    ],
)  # fmt: skip
def test_values_by_their_type(tmp_path: Path, kind: str, raw: str, expected: str) -> None:
    row = one(message(PID, OBR, f"OBX|1|{kind}|X^某项||{raw}|||||F"), tmp_path)
    assert row["value"] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("g/L", "g/L"), ("10^9/L", "10^9/L"), ("10\\S\\9/L", "10^9/L"), ("ug/mL^microgram^UCUM", "ug/mL"),
     ("77^mmol/L^99HZ", "mmol/L"), ("^U/L", "U/L")],
)  # fmt: skip
def test_units(tmp_path: Path, raw: str, expected: str) -> None:
    assert one(message(PID, OBR, f"OBX|1|NM|X||1|{raw}"), tmp_path)["unit"] == expected


def test_loinc_wins_wherever_it_stands(tmp_path: Path) -> None:
    row = one(message(PID, OBR, "OBX|1|NM|L77^血红蛋白^99HZ^718-7^Hemoglobin^LN||145|g/L"), tmp_path)
    assert (row["item_code"], row["item"]) == ("718-7", "血红蛋白")


@pytest.mark.parametrize(
    ("name", "bad", "rows", "note"),
    [
        ("charset_lies_gb18030", [], 1, "MSH-18 says UNICODE UTF-8, the bytes are gb18030"),
        ("charset_lies_utf8", [], 1, "MSH-18 says 8859/1, the bytes are utf-8"),
        ("no_charset_gb18030", [], 1, ""),
        ("missing_msh", ["no_msh"], 1, ""),
        ("truncated_frame", ["truncated_message"], 1, ""),
        ("mid_line_message", ["truncated_message"], 1, ""),
        ("not_oru", ["unsupported_message"], 0, ""),
        ("future_version", ["unsupported_version"], 0, ""),
        ("repeated_separators", ["bad_separators"], 0, ""),
        ("nul_character", ["nul_character"], 0, ""),
        ("no_results", ["no_results"], 0, ""),
        ("unsupported_value_type", [], 2, ""),
        ("unescaped_caret_in_unit", [], 1, ""),
        ("two_persons_in_one_message", [], 2, ""),
        ("batch_cut_short", [], 1, "without its trailer"),
        ("batch_count_lies", [], 1, "announce 3 messages, here are 1"),
    ],
)
def test_a_defect_is_named_and_stays_alone(tmp_path: Path, name: str, bad: list[str], rows: int, note: str) -> None:
    found, pieces = read((FIXTURES / f"{name}.hl7").read_bytes(), tmp_path)
    assert [reason for p in pieces for _, reason, _ in p.bad] == bad
    assert len(found) == rows
    assert all(r["name"] in ("张三", "李四") for r in found)
    assert note in " ".join(pieces[-1].notes)
    assert bool(note) == bool(pieces[-1].notes)
    refused = [reason for p in pieces for _, _, reason, _ in p.refused]
    assert refused == (["unsupported_value_type"] if name == "unsupported_value_type" else [])


def test_every_fixture_is_tested() -> None:
    source = Path(__file__).read_text()
    assert [f.stem for f in sorted(FIXTURES.iterdir()) if f'("{f.stem}"' not in source] == []


@pytest.mark.parametrize(
    ("text", "declared", "encoding", "stored", "lie"),
    [
        ("张三", "UNICODE UTF-8", "utf-8", "utf-8", False),
        ("张三", "GB 18030-2000", "gb18030", "gb18030", False),
        ("张三", "ISO IR58", "gb18030", "gb18030", False),
        ("José", "8859/1", "iso8859-1", "iso8859-1", False),
        ("José", "ISO IR100", "iso8859-1", "iso8859-1", False),
        ("Łódź", "8859/2", "iso8859-2", "iso8859-2", False),
        ("plain", "ASCII", "ascii", "ascii", False),
        ("plain", "", "ascii", "ascii", False),
        ("張三", "BIG-5", "big5", "big5", False),
        ("张三", "8859/1", "gb18030", "gb18030", True),
        ("张三", "GB18030", "utf-8", "utf-8", True),
        ("张三", "ASCII", "gb18030", "gb18030", True),
        ("José", "8859/1", "utf-8", "utf-8", True),
        ("张三", "KLINGON", "utf-8", "utf-8", True),
        ("张三", "", "gb18030", "gb18030", False),
    ],
)
def test_bytes_decide_what_the_characters_are(text: str, declared: str, encoding: str, stored: str, lie: bool) -> None:
    decoded = decode(f"MSH|{text}|".encode(stored), declared)
    assert (decoded.text, decoded.encoding, decoded.lie) == (f"MSH|{text}|", encoding, lie)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Undecodable):
        decode(b"\xff\xff\xfe", "UNICODE UTF-8")
    broken = message(PID, OBR, OBX).encode().replace("血红蛋白".encode(), b"\xff\xff")
    rows, (piece,) = read(message(PID, OBR, OBX).encode() + broken, tmp_path)
    assert (len(rows), piece.bad[0][:2]) == (1, (1, "undecodable"))


def test_messages_across_block_boundaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hl7v2_cut, "BLOCK_BYTES", 97)
    monkeypatch.setattr("wellhouse.ingest.sniff.SAMPLE_BYTES", 200)
    framed = "".join(f"\x0b{message(PID.replace('P1', f'P{n}'), OBR, OBX)}\x1c\r" for n in range(40))
    rows, pieces = read(framed, tmp_path)
    assert [r["mrn"] for r in rows] == [f"P{n}" for n in range(40)]
    assert len(pieces) > 10
    assert not [p.bad for p in pieces if p.bad]


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty_file"), (b"\x0bPID|1\r\x1c\r", "no_msh")])
def test_a_file_without_a_message_is_unreadable(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(content, tmp_path)
    assert raised.value.reason == reason


def test_a_mapping_to_columns_is_no_mapping_to_fields(tmp_path: Path) -> None:
    path = tmp_path / "file.hl7"
    path.write_text(message(PID, OBR, OBX))
    wrong = mapping.read(PROJECT_ROOT / "mappings" / "exam.yaml")
    with pytest.raises(Unreadable, match="mapping_without_paths"), hl7v2.opened(path, wrong):
        pass


@pytest.mark.parametrize(
    ("content", "form"),
    [(b"MSH|^~\\&|", "hl7v2"), (b"\xef\xbb\xbfMSH|^~\\&|", "hl7v2"), (b"\x0bMSH*", "hl7v2"), (b"FHS|^~\\&|", "hl7v2"),
     ("姓名,结果\n".encode(), "csv"), (b"MSHA,1\n", "csv")],
)  # fmt: skip
def test_the_format_is_found_by_content(tmp_path: Path, content: bytes, form: str) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    assert formats.detect(path) == form


WHOLE = b"FHS|^~\\&|A\r" + b"".join(
    b"\x0b" + message(PID.replace("P1", f"P{n}"), "PV1|1|O", OBR, OBX, OBX).encode() + b"\x1c\r" for n in range(3)
)  # fmt: skip


def survives(content: bytes, folder: Path) -> None:
    """Read or refused as a whole; every record is in exactly one place and no byte is lost."""
    try:
        _, pieces = read(content, folder)
    except Unreadable:
        return
    for piece in pieces:
        good, bad = set(piece.good.tolist()), {record for record, _, _ in piece.bad}
        assert not good & bad
        assert good | bad == set(range(len(piece.starts)))
        assert list(piece.starts) == sorted(set(piece.starts))
        assert "\0" not in "".join(map(str, piece.table.to_pydict().values()))
        assert all(row < piece.table.num_rows for row, *_ in piece.refused)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE)))
def test_truncation_loses_nothing(tmp_path_factory: pytest.TempPathFactory, stop: int) -> None:
    survives(WHOLE[:stop], tmp_path_factory.getbasetemp())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=0, max_size=4)), max_size=8))
def test_damage_loses_nothing(tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, bytes]]) -> None:
    content = WHOLE
    for place, put in damage:
        content = content[:place] + put + content[place + 2 :]
    survives(content, tmp_path_factory.getbasetemp())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([
    b"MSH|^~\\&|", b"MSH", b"\x0b", b"\x1c", b"\r", b"\n", b"PID|1||P1", b"OBX|1|NM|X||", b"OBR|", b"BHS|", b"BTS|9",
    b"FTS", b"|", b"^", b"\\X", b"\\", b"ORU^R01", b"\0", b"\xd5\xc5", "张".encode(), b" ", b"\xff",
    b"MSH|^~\\&|||||||ORU^R01|1|P|2.5\r",
]), max_size=40))  # fmt: skip
def test_any_order_of_what_messages_are_made_of_is_survived(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    survives(b"".join(parts), tmp_path_factory.getbasetemp())


def test_an_envelope_of_any_length_is_gone_through_once(tmp_path: Path) -> None:
    survives(b"BHS" * 200_000 + b"\rMSH|^~\\&|\r", tmp_path)


def test_the_maintained_parser_reads_the_same(shared_data: Path, tmp_path: Path) -> None:
    """Every result of every real message that hl7apy can parse: its code, value and status."""
    from hl7apy.exceptions import HL7apyException
    from hl7apy.parser import parse_segment

    compared = 0
    for path in sorted((shared_data / "hl7").iterdir()):
        rows, pieces = read(path.read_bytes(), tmp_path)
        if any(p.bad for p in pieces):
            continue
        data = path.read_bytes().decode("utf-8" if "critical" not in path.name else "gb18030").lstrip("\ufeff\x0b")
        lines = [line for line in re.split(r"[\r\n]+", data) if line.startswith("OBX")]
        assert len(lines) == len(rows), path.name
        for line, row in zip(lines, rows, strict=True):
            try:
                segment = parse_segment(line, version="2.5.1", validation_level=2)
            except HL7apyException:
                continue
            code, status, kind = (getattr(segment, name).value for name in ("obx_3", "obx_11", "obx_2"))
            assert row["status"] == status.split("^")[0], line
            assert not code or row["item_code"] in code.split("^"), line
            values = [field.value for field in segment.obx_5]
            if kind in ("NM", "ST", "TX") and len(values) == 1 and "\\" not in values[0]:
                assert row["value"] == values[0].replace('""', ""), line
                compared += 1
    assert compared >= 60


def test_a_mapping_may_look_anywhere(tmp_path: Path) -> None:
    """A site's own: the message's time where no order has one, the ID number in PID-19."""
    columns = MAPPING.columns | {"exam_date": ("OBR-7", "MSH-7"), "id_number": ("PID-19",), "exam_number": ("OBR-3.1",)}
    path = tmp_path / "file.hl7"
    path.write_text(message("PID|1||P1" + "|" * 16 + "110101199003070775", "OBR|1|O1|F1|X", OBX), newline="")
    with hl7v2.opened(path, replace(MAPPING, columns=columns)) as source:
        (piece,) = source.pieces({0})
        (row,) = piece.table.rename_columns(list(source.header.places)).to_pylist()
    assert (row["exam_date"], row["id_number"], row["exam_number"]) == ("20240305", "110101199003070775", "F1")


def test_paths_say_where() -> None:
    marks = fields.marks("MSH|^~\\&|", "utf-8")
    assert marks is not None
    with pytest.raises(ValueError, match="expected an HL7 v2 path"):
        fields.path("身份证号")
    segment = ["PID", "1", "", "A^^^X^MR~B^^^^PI~C"]
    assert [fields.path(p).repetition(segment, marks) for p in ("PID-3[PI]", "PID-3[MR, PI]", "PID-3[]", "PID-9")] == [
        "B^^^^PI", "A^^^X^MR", "C", "",
    ]  # fmt: skip


def test_a_gzip_stream_that_breaks_off_makes_the_file_unreadable(tmp_path: Path) -> None:
    whole = gzip.compress(message(PID, OBR, OBX).encode() * 500)
    assert len(read_gzip(whole, tmp_path)) == 500
    with pytest.raises(Unreadable, match="truncated_gzip"):
        read_gzip(whole[:-20], tmp_path)


def read_gzip(content: bytes, folder: Path) -> list[int]:
    path = folder / "file.hl7.gz"
    path.write_bytes(content)
    with hl7v2.opened(path, MAPPING) as source:
        return [record for piece in source.pieces({0}) for record in piece.good.tolist()]


def test_what_is_no_character_set_is_never_said(tmp_path: Path) -> None:
    _, pieces = read(message(PID, OBR, OBX, msh=f"{MSH.rsplit('|', 1)[0]}|张三 13800138000"), tmp_path)
    (note,) = pieces[-1].notes
    assert note.startswith("note: MSH-18 says no known character set")
    assert "张三" not in note
