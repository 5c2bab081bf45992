"""About one row in a hundred is broken, in every way that real exports are; what was broken where is remembered.

A row has at most one defect, and a record that is sent twice has none, so that every count of a load can be foretold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wellhouse.sample import id_numbers
from wellhouse.sample.exams import NOT_DONE, header_text
from wellhouse.sample.files import SampleFile
from wellhouse.sample.indicators import BY_CODE

SHARE = 0.01
_ALL_KINDS_FROM = 40
"""Rows a kind there must be for a small set of files to hold every kind; 1 % of it would be less than one each."""

_ID = ("身份证号", "证件号码")
_DATE = ("体检日期", "登记日期", "填写日期", "问诊日期", "随访日期", "事件日期", "开始日期", "计划日期")
_NUMBERS = ("通话时长(秒)", "目标", "完成")
_TOO_LARGE = ("SBP", "HR", "HGB")
"""Ten times any value of these is above the limits of the dictionary."""
_NO_NUMBER = ("溶血", "5..6", "标本不合格", "见备注")
_NO_UNIT = ("瓶/L", "mmHgg", "XX", "单位")
_NO_INDICATOR = ("综合健康指数", "活力评分", "微循环指标", "检验项目A")


@dataclass(frozen=True)
class Kind:
    """One way to be broken. ``cells``: the places in a row that it can befall; none: it does not apply to that row."""

    name: str
    cells: Callable[[SampleFile, list[str]], list[int]]
    damage: Callable[[str, int], str]


def _places(file: SampleFile, names: tuple[str, ...], row: list[str]) -> list[int]:
    return [i for i, h in enumerate(file.header) if h in names and row[i]]


def _ids(file: SampleFile, row: list[str]) -> list[int]:
    return _places(file, _ID, row)


def _dates(file: SampleFile, row: list[str]) -> list[int]:
    return _places(file, _DATE, row)


def _births(file: SampleFile, row: list[str]) -> list[int]:
    return _places(file, ("出生日期",), row) if _ids(file, row) else []


def _numbers(file: SampleFile, row: list[str]) -> list[int]:
    if file.source != "exam":
        return _places(file, _NUMBERS, row)
    if file.site == "sh":
        return _long(file, row, tuple(i.name for i in BY_CODE.values() if not i.ordinal))
    wide = {header_text(file.site, i) for i in BY_CODE.values() if not i.ordinal}
    return [i for i, h in enumerate(file.header) if h in wide and row[i] and row[i] not in NOT_DONE]


def _large(file: SampleFile, row: list[str]) -> list[int]:
    if file.source != "exam":
        return []
    names = tuple(BY_CODE[c].name for c in _TOO_LARGE)
    if file.site == "sh":
        return _long(file, row, names)
    return [i for i, h in enumerate(file.header) if h.startswith(names) and row[i].replace(".", "").isdecimal()]


def _long(file: SampleFile, row: list[str], names: tuple[str, ...]) -> list[int]:
    at = file.header.index("结果")
    return [at] if row[file.header.index("项目名称")] in names and row[at] not in NOT_DONE else []


def _only_long(name: str) -> Callable[[SampleFile, list[str]], list[int]]:
    def cells(file: SampleFile, row: list[str]) -> list[int]:
        return (
            _places(file, (name,), row) if file.source == "exam" and file.site == "sh" and _numbers(file, row) else []
        )

    return cells


def _earlier(text: str, _: int) -> str:
    """The same day ten years earlier, in the same form."""
    return f"{int(text[:4]) - 10}{text[4:]}"


KINDS = (
    Kind("bad_check_digit", _ids, lambda text, _: id_numbers.with_wrong_check_character(text)),
    Kind("damaged_id", _ids, lambda text, _: id_numbers.as_a_spreadsheet_shows_it(text)),
    Kind("birth_date_mismatch", _births, _earlier),
    Kind("missing_date", _dates, lambda _text, _: ""),
    Kind("impossible_value", _large, lambda text, _: f"{float(text) * 10:g}"),
    Kind("unparsable_number", _numbers, lambda _text, n: _NO_NUMBER[n % len(_NO_NUMBER)]),
    Kind("unknown_unit", _only_long("单位"), lambda _text, n: _NO_UNIT[n % len(_NO_UNIT)]),
    Kind("unknown_indicator", _only_long("项目名称"), lambda _text, n: _NO_INDICATOR[n % len(_NO_INDICATOR)]),
)
WRONG_COLUMN_COUNT, DUPLICATE_ROW, RESENT_RECORD = "wrong_column_count", "duplicate_row", "resent_record"


@dataclass(frozen=True)
class _Row:
    """A row before anything was inserted."""

    file: SampleFile
    cells: list[str]
    record: str
    results: int

    def index(self) -> int:
        """Where it stands now; rows are told apart by identity, equal ones are different rows."""
        return next(i for i, row in enumerate(self.file.rows) if row is self.cells)


def inject(files: list[SampleFile], rng: np.random.Generator) -> None:
    """Break about 1 % of the rows of these files: one source of one site, in the order of the years."""
    rows = [
        _Row(f, cells, record, results)
        for f in files
        for cells, record, results in zip(f.rows, f.record, f.results, strict=True)
    ]
    possible = [k for k in KINDS if any(k.cells(r.file, r.cells) for r in rows[:400])]
    names = [k.name for k in possible] + [WRONG_COLUMN_COUNT, DUPLICATE_ROW]
    resends = len(files) > 1 and bool(files[-1].rows)
    quota = _quota([*names, RESENT_RECORD] if resends else names, len(rows), rng)
    used = _resend(files, quota.get(RESENT_RECORD, 0), rng) if resends else set()  # type: ignore[name-defined]  # noqa: F821
    order = iter(rng.permutation(len(rows)).tolist())
    for kind in possible:
        _damage(kind, quota[kind.name], rows, order, used)  # type: ignore[name-defined]  # noqa: F821
    taken = [
        rows[i]
        for _, i in zip(range(quota[WRONG_COLUMN_COUNT] + quota[DUPLICATE_ROW]), _free(rows, order, used), strict=False)  # type: ignore[call-overload]
    ]
    for row in taken[: quota[WRONG_COLUMN_COUNT]]:
        index = row.index()
        row.file.rows[index] = row.cells[:-2] if index % 2 else [*row.cells, "备注"]
        row.file.broken[index] = WRONG_COLUMN_COUNT
    for row in taken[quota[WRONG_COLUMN_COUNT] :]:
        row.file.insert(row.index() + 1, list(row.cells), row.record, row.results, DUPLICATE_ROW)


def _quota(names: list[str], rows: int, rng: np.random.Generator) -> dict[str, int]:
    """Rows a kind."""
    total = round(rows * SHARE)
    if rows >= _ALL_KINDS_FROM * len(names):
        total = max(total, len(names))
    quota = dict.fromkeys(names, total // len(names))
    for i in rng.permutation(len(names))[: total % len(names)].tolist():
        quota[names[i]] += 1
    return quota


def _free(rows: list[_Row], order: object, used: set[str]) -> object:
    raise NotImplementedError
