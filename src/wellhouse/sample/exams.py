"""Exam files in the layouts of the three sites: wide GB18030, long UTF-8 with BOM, wide UTF-16 in American units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellhouse.sample.files import SampleFile
from wellhouse.sample.indicators import INDICATORS, Indicator
from wellhouse.sample.panel import PACKAGES, abnormal
from wellhouse.sample.people import FIRST_YEAR, SITES, Flags, Floats, Ints, People

HZ_PERSON = ("体检编号", "姓名", "性别", "出生日期", "身份证号", "手机号", "单位名称", "体检日期", "体检类型", "套餐")
SH_HEADER = (
    "登记号", "姓名", "性别", "年龄", "证件号码", "联系电话", "单位名称", "登记日期", "大项", "项目名称", "结果",
    "单位", "参考范围", "提示",
)  # fmt: skip
CD_PERSON = ("登记号", "档案号", "姓名", "性别", "出生日期", "证件号码", "体检日期")
NOT_DONE = ("未检", "弃检")
_TYPES = ("个人", "团检", "团检", "入职")
_URINE = {
    "hz": ("阴性(-)", "±", "1+", "2+", "3+"),
    "sh": ("阴性", "弱阳性", "阳性(+)", "2+", "3+"),
    "cd": ("-", "+-", "1+", "2+", "3+"),
}
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
_FLAGS = {"hz": (0.5, "↓", "↑"), "sh": (0.0, "", ""), "cd": (0.3, " L", " H")}
"""How often a site marks an abnormal value in its cell, and with what."""
_DETECTION_LIMIT = {"AFP": 1.2, "CEA": 0.5}
_ODD = 0.003


@dataclass(frozen=True)
class Exams:
    """The exams of one site and year, in the order of their dates; arrays are [exams]."""

    site: int
    year: int
    person: Ints
    number: list[str]
    package: Ints
    date: list[str]
    """ISO"""
    day: list[str]
    """yyyymmdd"""

    @property
    def column(self) -> int:
        """Place of the year in [P, Y] arrays."""
        return self.year - FIRST_YEAR


def of(people: People, package: Ints, site: int, year: int, rng: np.random.Generator) -> Exams:
    """Who was examined at this site in this year."""
    y = year - FIRST_YEAR
    here = np.flatnonzero(people.attends[:, y] & (people.site[:, y] == site))
    here = here[np.argsort(people.exam_date[here, y] + rng.random(len(here)).astype("timedelta64[D]"), kind="stable")]
    date = np.datetime_as_string(people.exam_date[here, y]).tolist()
    number = [f"{SITES[site].upper()}{year}{n + 1:06d}" for n in range(len(here))]
    return Exams(site, year, here, number, package[here, y], date, [d.replace("-", "") for d in date])


def header_text(site: str, indicator: Indicator) -> str:
    """A wide layout's header of an indicator: ``收缩压(mmHg)``, ``总胆固醇[mg/dL]``."""
    unit = indicator.us_unit if site == "cd" and indicator.us_unit else indicator.unit
    return indicator.name + (("[%s]" if site == "cd" else "(%s)") % unit if unit else "")


def file(people: People, values: dict[str, Floats], exams: Exams, rng: np.random.Generator) -> SampleFile:
    """The site's export of these exams."""
    return {"hz": _hangzhou, "sh": _shanghai, "cd": _chengdu}[SITES[exams.site]](people, values, exams, rng)


def _cells(
    people: People, values: dict[str, Floats], exams: Exams, rng: np.random.Generator
) -> tuple[list[list[str]], list[Ints]]:
    """Per indicator: the text of each exam's cell, and whether the value is abnormal."""
    male = people.male[exams.person]
    texts, marks = [], []
    for indicator in INDICATORS:
        value = values[indicator.code][exams.person, exams.column]
        mark = abnormal(indicator.code, value, male)
        texts.append(_texts(SITES[exams.site], indicator, value, mark, rng))
        marks.append(mark)
    return texts, marks


def _texts(site: str, indicator: Indicator, value: Floats, mark: Ints, rng: np.random.Generator) -> list[str]:
    present = ~np.isnan(value)
    if indicator.ordinal:
        words = _URINE[site]
        texts = [words[int(v)] if p else "" for v, p in zip(value.tolist(), present.tolist(), strict=True)]
    else:
        american = site == "cd" and indicator.us_unit
        shown = value / indicator.us_factor if american else value
        form = f"%.{indicator.us_digits if american else indicator.digits}f"
        texts = [form % v if p else "" for v, p in zip(shown.tolist(), present.tolist(), strict=True)]
        _decorate(site, indicator, texts, value, mark, present, rng)
    for i in np.flatnonzero(present & (rng.random(len(value)) < _ODD)).tolist():
        texts[i] = NOT_DONE[i % len(NOT_DONE)]
    return texts


def _decorate(
    site: str,
    indicator: Indicator,
    texts: list[str],
    value: Floats,
    mark: Ints,
    present: Flags,
    rng: np.random.Generator,
) -> None:
    """Below the detection limit, marked with an arrow or a letter, typed in full width."""
    chance = rng.random((2, len(value)))
    if limit := _DETECTION_LIMIT.get(indicator.code):
        for i in np.flatnonzero(present & (value < limit)).tolist():
            texts[i] = f"<{limit}"
    share, low, high = _FLAGS[site]
    for i in np.flatnonzero((mark != 0) & (chance[0] < share)).tolist():
        texts[i] += low if mark[i] < 0 else high
    for i in np.flatnonzero(present & (chance[1] < _ODD)).tolist():
        texts[i] = texts[i].translate(_FULL_WIDTH)


def _wide(
    people: People, values: dict[str, Floats], exams: Exams, header: tuple[str, ...], who: list[list[str]],
    rng: np.random.Generator,
) -> SampleFile:  # fmt: skip
    site = SITES[exams.site]
    made = SampleFile(site, "exam", exams.year, [*header, *(header_text(site, i) for i in INDICATORS)])
    texts, _ = _cells(people, values, exams, rng)
    for person, number, cells in zip(who, exams.number, zip(*texts, strict=True), strict=True):
        made.add([*person, *cells], number, sum(1 for c in cells if c and c not in NOT_DONE))
    return made


def _hangzhou(people: People, values: dict[str, Floats], exams: Exams, rng: np.random.Generator) -> SampleFile:
    kinds = rng.choice(_TYPES, len(exams.person)).tolist()
    who = [
        [
            exams.number[n], people.name[p], "男" if people.male[p] else "女", str(people.birth[p]),
            people.id_number[p], people.phone[p], people.employer_at(p, exams.site), exams.date[n], kinds[n],
            PACKAGES[exams.package[n]],
        ]
        for n, p in enumerate(exams.person.tolist())
    ]  # fmt: skip
    return _wide(people, values, exams, HZ_PERSON, who, rng)


def _chengdu(people: People, values: dict[str, Floats], exams: Exams, rng: np.random.Generator) -> SampleFile:
    who = [
        [
            exams.number[n], people.record_number(p, exams.site), people.name[p], "1" if people.male[p] else "2",
            str(people.birth[p]).replace("-", ""), people.id_at(p, exams.site), exams.day[n],
        ]
        for n, p in enumerate(exams.person.tolist())
    ]  # fmt: skip
    return _wide(people, values, exams, CD_PERSON, who, rng)


def _shanghai(people: People, values: dict[str, Floats], exams: Exams, rng: np.random.Generator) -> SampleFile:
    made = SampleFile("sh", "exam", exams.year, list(SH_HEADER))
    texts, marks = _cells(people, values, exams, rng)
    ranges = [{m: _range(i, m) for m in (True, False)} for i in INDICATORS]
    age = (people.exam_date[exams.person, exams.column] - people.birth[exams.person]).astype(np.int64) / 365.2425
    for n, p in enumerate(exams.person.tolist()):
        year, month, day = exams.date[n].split("-")
        male = bool(people.male[p])
        who = [
            exams.number[n], people.name[p], "男" if male else "女", str(int(age[n])), people.id_number[p],
            people.phone[p], people.employer_at(p, exams.site), f"{year}/{int(month)}/{int(day)}",
        ]  # fmt: skip
        for k, indicator in enumerate(INDICATORS):
            if text := texts[k][n]:
                hint = {-1: "↓", 0: "", 1: "↑"}[int(marks[k][n])]
                row = [*who, indicator.group, indicator.name, text, indicator.unit, ranges[k][male], hint]
                made.add(row, exams.number[n], int(text not in NOT_DONE))
    return made


def _range(indicator: Indicator, male: bool) -> str:
    """As laboratories print it: ``3.9-6.0``, ``<5.19``, ``>1.0``."""
    if indicator.ordinal:
        return "阴性"
    low, high = indicator.male if male else indicator.female
    if np.isinf(low):
        return "" if np.isinf(high) else f"<{high:g}"
    return f">{low:g}" if np.isinf(high) else f"{low:g}-{high:g}"
