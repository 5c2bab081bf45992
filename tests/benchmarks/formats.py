"""How fast each format's parser turns a file into rows, of one core: `python -m tests.benchmarks.formats`."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import openpyxl

from tests.benchmarks.figure import Figure, rate
from wellhouse.ingest import dictionary, formats, mapping
from wellhouse.settings import PROJECT_ROOT

FHIR_PATIENTS, FHIR_RESULTS = 5_000, 40


def fhir_file(path: Path, patients: int, results: int) -> None:
    """NDJSON as a FHIR server exports it: each patient, a visit, ``results`` Observations of different indicators."""
    known = dictionary.load(PROJECT_ROOT)
    codes = [
        (loinc, known.indicators[code])
        for loinc, code in known.loinc.items()
        if not known.indicators[code].ordinal and known.indicators[code].high < 1e9
    ][:results]
    with path.open("w", encoding="utf-8") as file:

        def write(resource: dict[str, object]) -> None:
            file.write(json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n")

        for n in range(patients):
            subject, visit = {"reference": f"Patient/p{n}", "display": f"张三{n}"}, {"reference": f"Encounter/e{n}"}
            write({
                "resourceType": "Patient", "id": f"p{n}", "gender": "male", "birthDate": "1990-03-07",
                "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:oid:1.2.3", "value": f"M{n}"}],
                "name": [{"use": "official", "text": f"张三{n}"}], "telecom": [{"system": "phone", "value": "138"}],
            })  # fmt: skip
            write({"resourceType": "Encounter", "id": f"e{n}", "status": "finished", "subject": subject,
                   "period": {"start": "2024-03-05T08:00:00+08:00"}})  # fmt: skip
            for place, (loinc, indicator) in enumerate(codes):
                low = max(indicator.low, 0.1)
                value = round(low + (indicator.high - low) * (0.3 + 0.002 * ((n * 7 + place) % 100)), 2)
                write({
                    "resourceType": "Observation", "id": f"o{n}-{place}", "status": "final",
                    "meta": {"lastUpdated": "2024-03-05T12:00:00.000+08:00", "versionId": "1"},
                    "category": [{"coding": [{
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory",
                    }]}],
                    "code": {"coding": [{"system": "http://loinc.org", "code": loinc, "display": indicator.code}],
                             "text": indicator.code},
                    "subject": subject, "encounter": visit, "effectiveDateTime": "2024-03-05T08:10:00+08:00",
                    "issued": "2024-03-05T11:00:00.000+08:00",
                    "valueQuantity": {"value": value, "unit": indicator.unit, "system": "http://unitsofmeasure.org",
                                      "code": indicator.unit},
                    "referenceRange": [{"low": {"value": 1, "unit": indicator.unit}, "text": "1-2"}],
                })  # fmt: skip


def bench_fhir(folder: Path) -> Figure:
    """Observations a second of one core, from bytes to a table of texts."""
    path = folder / "bench.ndjson"
    fhir_file(path, 1, FHIR_RESULTS)
    _rows(path)  # what is imported and compiled once is not counted
    fhir_file(path, FHIR_PATIENTS, FHIR_RESULTS)
    before = time.process_time()
    rows = _rows(path)
    seconds = time.process_time() - before
    assert rows == FHIR_PATIENTS * FHIR_RESULTS
    return rate("fhir", rows / seconds, "observations/s/core", rows)


def _rows(path: Path) -> int:
    reads = mapping.read(PROJECT_ROOT / "mappings" / "exam.yaml")
    with formats.open_source(path, "fhir", reads) as source:
        return sum(piece.table.num_rows for piece in source.pieces(set(source.header.places.values())))


HL7V2_MESSAGES, HL7V2_RESULTS = 20_000, 20


def hl7v2_file(path: Path, messages: int, results: int) -> None:
    """ORU^R01 messages of ``results`` different indicators each, framed by MLLP."""
    known = dictionary.load(PROJECT_ROOT)
    codes = [
        (loinc, indicator, known.indicators[indicator])
        for loinc, indicator in known.loinc.items()
        if not known.indicators[indicator].ordinal and known.indicators[indicator].high < 1e9
    ][:results]
    with path.open("w", encoding="utf-8", newline="") as file:
        for n in range(messages):
            file.write(
                f"\x0bMSH|^~\\&|LIS|HZ|WH|HZ|20240305120000||ORU^R01^ORU_R01|M{n}|P|2.5.1|||AL|NE|CHN|UNICODE UTF-8\r"
                f"PID|1||P{n}^^^^MR||张^三{n}||19900307|M|||某路{n}号^^杭州^浙江||13800000000\r"
                f"PV1|1|O|||||||||||||||||V{n}\rOBR|1|O{n}|F{n}|PANEL^体检^L|||20240305080000\r"
            )
            for place, (loinc, name, indicator) in enumerate(codes):
                low = max(indicator.low, 0.1)
                value = low + (indicator.high - low) * (0.3 + 0.2 * ((n * 7 + place) % 100) / 100)
                file.write(f"OBX|{place + 1}|NM|{loinc}^{name}^LN||{value:.2f}|{indicator.unit}|1-2|N|||F\r")
            file.write("\x1c\r")


def bench_hl7v2(folder: Path) -> Figure:
    """OBX a second of one core, from bytes to a table of texts."""
    path = folder / "bench.hl7"
    hl7v2_file(path, HL7V2_MESSAGES, HL7V2_RESULTS)
    reads = mapping.read(PROJECT_ROOT / "mappings" / "hl7v2.yaml")
    before = time.process_time()
    with formats.open_source(path, "hl7v2", reads) as source:
        rows = sum(piece.table.num_rows for piece in source.pieces(set(source.header.places.values())))
    seconds = time.process_time() - before
    assert rows == HL7V2_MESSAGES * HL7V2_RESULTS
    return rate("hl7v2", rows / seconds, "OBX/s/core", rows, "hl7apy", _hl7apy(path))


def _hl7apy(path: Path, messages: int = 50) -> float:
    """OBX a second of one core of the maintained parser that the tests compare with."""
    from hl7apy.parser import parse_message

    with path.open(encoding="utf-8", newline="") as file:
        texts = file.read(messages * 4000).split("\x1c\r")[:messages]
    before = time.process_time()
    for text in texts:
        parse_message(text.lstrip("\x0b"), find_groups=False)
    return messages * HL7V2_RESULTS / (time.process_time() - before)


XLSX_ROWS, XLSX_COLUMNS = 20_000, 50


def bench_xlsx(folder: Path) -> Figure:
    """Cells a second of one core, from bytes to a table of texts; the peer is openpyxl, read only."""
    path = folder / "bench.xlsx"
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["体检编号", "身份证号", "体检日期", *(f"项目{n}" for n in range(XLSX_COLUMNS - 3))])
    for n in range(XLSX_ROWS):
        values = (round(0.1 + (n * 7 + place) % 997 / 9, 2) for place in range(XLSX_COLUMNS - 3))
        sheet.append([f"e{n}", "11010519491231002X", "2024-03-05", *values])
    book.save(path)
    reads = mapping.read(PROJECT_ROOT / "mappings" / "exam.yaml")
    before = time.process_time()
    with formats.open_source(path, "xlsx", reads) as source:
        rows = sum(piece.table.num_rows for piece in source.pieces(set(range(XLSX_COLUMNS))))
    seconds = time.process_time() - before
    assert rows == XLSX_ROWS
    before = time.process_time()
    peer_rows = sum(1 for _ in openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True))
    peer = peer_rows * XLSX_COLUMNS / (time.process_time() - before)
    return rate("xlsx", rows * XLSX_COLUMNS / seconds, "cells/s/core", rows, "openpyxl", peer)


JSON_RECORDS = 200_000


def bench_json(folder: Path) -> Figure:
    """Records a second of one core, JSON lines, read once for their names and once for their values."""
    path = folder / "bench.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(JSON_RECORDS):
            record = {"随访编号": f"f{n}", "证件号码": "11010519491231002X", "随访日期": "2024-03-05",
                      "随访方式": "电话", "随访结果": "已接通", "随访内容": "建议复查空腹血糖"}  # fmt: skip
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    reads = mapping.read(PROJECT_ROOT / "mappings" / "follow_up.yaml")
    before = time.process_time()
    with formats.open_source(path, "json", reads) as source:
        rows = sum(piece.table.num_rows for piece in source.pieces(set(source.header.places.values())))
    seconds = time.process_time() - before
    assert rows == JSON_RECORDS
    return rate("json", rows / seconds, "records/s/core", rows)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="wellhouse-bench-") as name:
        for bench in (bench_fhir, bench_hl7v2, bench_xlsx, bench_json):
            yield bench(Path(name))


if __name__ == "__main__":
    for figure in figures():
        print(figure)
