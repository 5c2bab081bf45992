"""Canaries: made-up people whose every word is looked for later, in files of every source, format and encoding."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openpyxl

from wellhouse.sample import id_numbers

SITE = "canary"
_RARE = "龘靐齉爩麤灪鱻虋讟癵饢纞鸜欝讝齾麷鸝驫鬱韽顳齽鬘鷫鼉齼齺齻鸞鑾灩"
"""Characters of names that no sample has."""


@dataclass(frozen=True)
class Canary:
    """A person; every field is a canary of its own."""

    name: str
    id_number: str
    phone: str
    address: str

    @property
    def words(self) -> tuple[str, ...]:
        return self.name, self.id_number, self.phone, self.address


def people(count: int, seed: int = 99) -> list[Canary]:
    rng = np.random.default_rng(seed)
    male = rng.random(count) < 0.5
    birth = np.datetime64("1950-01-01") + rng.integers(0, 18_000, count).astype("timedelta64[D]")
    numbers = id_numbers.written(id_numbers.draw(birth, male, rng, np.empty(0, np.int64)))
    letters = rng.permuted(np.tile(np.array(list(_RARE)), (count, 1)), axis=1)[:, :4]
    return [
        Canary("".join(letters[i]), numbers[i], f"1{rng.integers(3 * 10**9, 10**10 - 1)}",
               f"金丝雀路{rng.integers(10**6, 10**7)}号{i}室")
        for i in range(count)
    ]  # fmt: skip


def _table(header: str, line: Callable[[Canary, int], str], who: list[Canary]) -> str:
    return header + "\n" + "".join(line(person, i) + "\n" for i, person in enumerate(who))


WIDE = "体检编号,姓名,证件号码,手机号,住址,体检日期,收缩压(mmHg),备注"
LONG = "登记号,姓名,证件号码,手机号,住址,登记日期,项目名称,结果,单位"
PERSON = "姓名,证件号码,手机号,住址"


def _person(p: Canary) -> str:
    return f"{p.name},{p.id_number},{p.phone},{p.address}"


def _wide(who: list[Canary], kind: str) -> str:
    return _table(WIDE, lambda p, i: f"{kind}{i},{_person(p)},2024-03-05,12{i % 10},电话{p.phone}", who)


def _coded(who: list[Canary]) -> str:
    """What a site writes into its remarks in base64 and hexadecimal."""
    words = [f"{base64.b64encode(p.name.encode()).decode()} {p.phone.encode().hex()}" for p in who]
    return _table(WIDE, lambda p, i: f"code{i},{_person(p)},2024-03-05,12{i % 10},{words[i]}", who)


def _refused(who: list[Canary]) -> str:
    """Every record contradicts its own ID number."""
    return _table(WIDE + ",出生日期", lambda p, i: f"bad{i},{_person(p)},2024-03-05,120,,1901-01-01", who)


def _book(text: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in csv.reader(io.StringIO(text)):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def _zip(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("exams.csv", text.encode("gb18030"))
    return out.getvalue()


def _json(who: list[Canary]) -> bytes:
    rows = csv.DictReader(io.StringIO(_wide(who, "json")))
    return json.dumps(list(rows), ensure_ascii=False).encode()


def _hl7(who: list[Canary]) -> bytes:
    return "".join(
        f"MSH|^~\\&|LIS|HZ|WH|HZ|20240305080000||ORU^R01|m{i}|P|2.5|||||CHN|UNICODE UTF-8\r"
        f"PID|1||{p.id_number}^^^CHN^NI||{p.name}||||||{p.address}||{p.phone}\r"
        f"OBR|1||h{i}|EXAM|||20240305080000\r"
        f"OBX|1|NM|8480-6^Systolic blood pressure^LN||12{i % 10}|mm[Hg]|||||F\r"
        for i, p in enumerate(who)
    ).encode()


def _fhir(who: list[Canary]) -> bytes:
    entries = []
    for i, p in enumerate(who):
        patient = {
            "resourceType": "Patient", "id": f"p{i}", "name": [{"text": p.name}], "address": [{"text": p.address}],
            "identifier": [{"type": {"coding": [{"code": "NI"}]}, "value": p.id_number}],
            "telecom": [{"system": "phone", "value": p.phone}],
        }  # fmt: skip
        observation = {
            "resourceType": "Observation", "id": f"o{i}", "status": "final", "effectiveDateTime": "2024-03-05",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "subject": {"reference": f"Patient/p{i}"}, "valueQuantity": {"value": 120, "code": "mm[Hg]"},
        }  # fmt: skip
        entries += [{"resource": patient}, {"resource": observation}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(bundle, ensure_ascii=False).encode()


def _call(path: Path, who: Canary) -> None:
    """A second of sound in which the words stand as bytes."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(" ".join(who.words).encode().ljust(16_000))


FILES: dict[str, Callable[[list[Canary]], bytes]] = {
    "exam/wide_gb18030.csv": lambda who: _wide(who, "gb").encode("gb18030"),
    "exam/wide_utf8.csv": lambda who: _wide(who, "u8").encode("utf-8-sig"),
    "exam/long_utf16.csv": lambda who: _table(
        LONG, lambda p, i: f"L{i},{_person(p)},2024-03-05,收缩压,13{i % 10},mmHg", who).encode("utf-16"),
    "exam/packed.csv.gz": lambda who: gzip.compress(_wide(who, "gz").encode("gb18030")),
    "exam/cut_off.csv.gz": lambda who: gzip.compress(_wide(who, "cut").encode(), 0)[:-9],
    "exam/coded.csv": lambda who: _coded(who).encode("gb18030"),
    "exam/archive.zip": lambda who: _zip(_wide(who, "zip")),
    "exam/book.xlsx": lambda who: _book(_wide(who, "book")),
    "exam/objects.json": _json,
    "exam/messages.hl7": _hl7,
    "exam/bundle.json": _fhir,
    "exam/refused.csv": lambda who: _refused(who).encode("gb18030"),
    "exam/no_date.csv": lambda who: _wide(who, "nd").replace("体检日期", "何时").encode("utf-16"),
    "questionnaire/answers.csv": lambda who: _table(
        f"问卷编号,{PERSON},问卷名称,版本,填写日期,题号,题目,答案",
        lambda p, i: f"q{i},{_person(p)},PHQ-9,1,2024-03-05,1,{p.phone},2", who).encode("gb18030"),
    "consultation/forms.csv": lambda who: _table(
        f"问诊编号,{PERSON},问诊日期,吸烟,主诉",
        lambda p, i: f"c{i},{_person(p)},2024-03-05,从不,{p.address}", who).encode("utf-8"),
    "follow_up/log.csv": lambda who: _table(
        f"随访编号,{PERSON},随访日期,随访方式,随访结果,随访内容",
        lambda p, i: f"f{i},{_person(p)},2024-03-05,电话,已接通,{p.name}说回电{p.phone}", who).encode("gb18030"),
    "card/cards.csv": lambda who: _table(
        f"卡号,{PERSON},事件,事件日期", lambda p, i: f"k{i},{_person(p)},开卡,2024-03-05", who).encode("utf-16"),
    "intervention/programmes.csv": lambda who: _table(
        f"干预编号,{PERSON},方案,开始日期,状态",
        lambda p, i: f"i{i},{_person(p)},减重,2024-03-05,进行中", who).encode("utf-8"),
    "care_plan/plans.csv": lambda who: _table(
        f"方案编号,{PERSON},计划日期,类别,项目",
        lambda p, i: f"p{i},{_person(p)},2024-03-05,饮食,少盐", who).encode("gb18030"),
    "call_recording/calls.csv": lambda who: _table(
        f"录音文件,{PERSON},录音日期,同意(是/否)",
        lambda p, i: f"call{i}.wav,{_person(p)},2024-03-05,是", who).encode("utf-8"),
}  # fmt: skip


def plant(inbox: Path, who: list[Canary], site: str = SITE) -> None:
    """Each person is in one file, so that every source, format and encoding has canaries of its own."""
    for place, (name, made) in enumerate(FILES.items()):
        path, theirs = inbox / site / name, who[place :: len(FILES)]
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("call_recording"):
            for number, person in enumerate(theirs):
                _call(path.with_name(f"call{number}.wav"), person)
        path.write_bytes(made(theirs))


def listed(path: Path, who: list[Canary]) -> int:
    """The list for `wellhouse scan`; how many canaries there are."""
    words = [word for person in who for word in person.words]
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return len(words)
