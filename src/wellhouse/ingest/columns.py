"""What the columns of an unknown file are: by their names in any mapping of the source, else by what stands in them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, fields

import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest import dates, identity, values
from wellhouse.ingest.dictionary import Dictionary, normal_name
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.values import Kind

_LOOKED_AT = 500
_MOST = 0.8
_FORMATS = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%d-%b-%Y", "%d/%b/%Y", "%Y/%d/%m")
_NAME = re.compile(r"[\u4e00-\u9fff·]{2,4}|[A-Za-z]+(?: [A-Za-z]+){1,3}")
_SEXES = {"男", "女", "男性", "女性", "m", "f", "male", "female", "1", "2"}
_INDICATOR = "indicator "
_ALIKE = {
    "exam_number": r".*(?:体检|登记|流水|检查)(?:编?号|码|流水号)?|(?:visit|report|exam)_?(?:id|no)",
    "exam_date": r".*(?:体检|检查|检验|登记|报告|采样).*(?:日期|时间)|(?:exam|visit|test|report).*(?:date|time)|date",
    "name": r".*(?:姓名|受检者|受检人|患者|客户名称)|(?:patient|full|customer).*name",
    "id_number": r".*(?:身份证|证件)(?:号码|号)?|id.?card.*|national.?id|identity.*",
    "mrn": r".*(?:病历|档案|病案|门诊|会员|客户)(?:编?号|码)|(?:patient|member).?(?:id|no)|medical.?record.*",
    "sex": r"性别.*|sex|gender",
    "age": r".*年龄.*|age.*",
    "birth_date": r".*(?:出生|生日).*|birth.*|dob",
    "phone": r".*(?:手机|电话|联系方式).*|.*(?:phone|mobile|tel)",
    "employer": r".*(?:单位名称|工作单位|公司|企业|团体).*|employer|company",
    "item_code": r"(?:项目|检验|小项|指标)?(?:代码|编码|编号)|(?:item|test|analyte).?(?:code|id)|code",
    "item": r".*(?:项目|小项|指标|检验)(?:名称|名)?|名称|(?:item|test|analyte)(?:.?name)?",
    "value": r".*(?:结果|测定值|检测值|检验值|测量值|数值)|(?:test.?)?(?:result|value)",
    "unit": r"(?:结果|计量|检验)?单位|计量|units?",
    "answered_on": r".*(?:日期|时间)|.*date",
    "question": r"题号|题目.*|问题.*|question.*",
    "answer": r"答案.*|选项.*|回答.*|answer.*",
    "date": r".*(?:日期|时间)|.*date",
    "method": r".*方式|method|channel",
    "outcome": r".*结果|outcome",
    "number": r".*(?:编号|流水号|单号)|.*_?(?:number|no)",
}
"""Role → what a header that means it may look like; looked at after the spellings of the mapping."""


@dataclass(frozen=True)
class Column:
    """A column of the file. ``role``: a field of ours, blank for none.

    ``by``: header, header alike, content, dictionary, results, ignored; blank: not understood.
    ``date_formats``: the only ones that fit its dates, where these could be read two ways.
    """

    place: int
    header: str
    role: str
    by: str
    date_formats: tuple[str, ...] = ()


class Open(Mapping):
    """A mapping that takes for the header the first row which names two fields or indicators."""

    @classmethod
    def of(cls, mapping: Mapping, dictionary: Dictionary) -> Open:
        made = cls(**{f.name: getattr(mapping, f.name) for f in fields(Mapping)})
        object.__setattr__(made, "_dictionary", dictionary)
        return made

    def find(self, header: list[str]) -> dict[str, int]:
        found = _roles(self, header)
        known: Dictionary = self._dictionary  # type: ignore[attr-defined]
        taken = set(found.values())
        for place, text in enumerate(header):
            if place not in taken and known.indicator(known.header(text)[0]):
                found[f"{_INDICATOR}{place}"] = place
        return found

    def lacks(self, found: dict[str, int]) -> list[str]:
        return [] if len(found) > 1 else super().lacks(found)

    def score(self, found: dict[str, int]) -> int:
        """How much of a file this mapping's source would explain."""
        return len(found) - len(super().lacks(found))


def _roles(mapping: Mapping, header: list[str]) -> dict[str, int]:
    """Role → place, by the mapping's own spellings, then by what looks like one."""
    found = Mapping.find(mapping, header)
    taken = set(found.values())
    for place, text in enumerate(header):
        name = normal_name(text)
        if place in taken or name in mapping.ignore:
            continue
        free = (r for r in mapping.columns if r not in found and r in _ALIKE)
        role = next((r for r in free if re.fullmatch(_ALIKE[r], name)), None)
        if role is not None:
            found[role] = place
            taken.add(place)
    return found


def describe(header: Header, table: pa.Table, mapping: Mapping, dictionary: Dictionary) -> list[Column]:
    """Every column of the file; no two have one role.

    :param table: its first records, every column
    """
    names = list(header.names)
    spelled = set(Mapping.find(mapping, names).values())
    roles = {place: role for role, place in _roles(mapping, names).items()}
    for place, role in list(roles.items()):
        if role == "unit" and not _are_units(table, place, dictionary):
            # 单位 is a unit as well as a company
            roles[place] = "employer" if "employer" not in roles.values() else ""
    columns: list[Column] = []
    for place, name in enumerate(names):
        bare = dictionary.header(name)[0]
        if roles.get(place):
            column = Column(place, name, roles[place], "header" if place in spelled else "header alike")
        elif normal_name(name) in mapping.ignore:
            column = Column(place, name, "", "ignored")
        elif dictionary.indicator(bare) or normal_name(bare) in mapping.pairs:
            column = Column(place, name, "", "dictionary")
        else:
            role = _content(table, place, name, mapping, set(roles.values()))
            roles |= {place: role} if role else {}
            column = Column(place, name, role, "content" if role else "")
        columns.append(_dated(column, table) if column.role.endswith(("date", "_on")) else column)
    return columns


def _are_units(table: pa.Table, place: int, dictionary: Dictionary) -> bool:
    cells = _cells(table, place)
    return sum(dictionary.unit(c) is not None for c in cells) * 2 >= len(cells)


def _content(table: pa.Table, place: int, name: str, mapping: Mapping, taken: set[str]) -> str:
    """The role that the cells of a column speak for."""
    cells = _cells(table, place)
    if not cells:
        return ""
    looks: list[tuple[str, Callable[[str], bool]]] = [
        ("id_number", _is_id), ("phone", _is_phone), ("sex", lambda c: normal_name(c) in _SEXES),
        (next((r for r in mapping.required if r in ("exam_date", "date", "answered_on")), ""), _is_recent),
        ("birth_date", _is_birth), ("name", lambda c: "名" in name and _NAME.fullmatch(c) is not None),
    ]  # fmt: skip
    for role, fits in looks:
        if role in mapping.columns and role not in taken and sum(map(fits, cells)) >= _MOST * len(cells):
            return role
    return ""


def _cells(table: pa.Table, place: int) -> list[str]:
    column = pc.utf8_trim_whitespace(table.column(str(place)).slice(0, _LOOKED_AT))
    return [text for text in column.to_pylist() if text]


def _is_id(cell: str) -> bool:
    try:
        return identity.parse_id(cell).identifier_type == "id_number"
    except identity.Rejected as refused:
        return refused.reason == "id_damaged"


def _is_phone(cell: str) -> bool:
    return re.fullmatch(r"1\d{10}", identity.parse_phone(cell)) is not None


def _is_recent(cell: str) -> bool:
    day = _day(cell)
    return day is not None and 2000 <= day.year <= dt.date.today().year


def _is_birth(cell: str) -> bool:
    day = _day(cell)
    return day is not None and 1900 <= day.year <= dt.date.today().year


def _day(cell: str) -> dt.date | None:
    if values.parse_text(cell).kind is Kind.NUMBER and not re.fullmatch(r"(?:19|20)\d{6}", cell):
        return None  # any five digits would be a day of Excel's
    return dates.parse_date(cell) or next((d for f in _FORMATS if (d := dates.parse_date(cell, (f,)))), None)


def _dated(column: Column, table: pa.Table) -> Column:
    """With the formats that read all of its dates, where the usual ones do not."""
    cells = _cells(table, column.place)
    unread = [c for c in cells if dates.parse_date(c) is None]
    if not cells or len(unread) < len(cells) * (1 - _MOST):
        return column
    fitting = tuple(f for f in _FORMATS if all(dates.parse_date(c, (f,)) for c in unread))
    return Column(column.place, column.header, column.role, column.by, fitting)
