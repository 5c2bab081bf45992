"""About one row in a hundred is broken, in every way that real exports are; what was broken where is remembered.

A row has at most one defect, and a record that is sent twice has none, so that every count of a load can be foretold.
"""

from __future__ import annotations

from collections import deque
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

_LOOKED_AT = 400
"""Rows looked at to see what can befall these files at all."""

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


Place = tuple[SampleFile, int]
"""A row of a file."""


def inject(files: list[SampleFile], rng: np.random.Generator) -> None:
    """Break about 1 % of the rows of these files: one source of one site, in the order of the years."""
    whole = [(file, i) for file in files for i in range(len(file.rows))]
    if not whole:
        return
    seen = [whole[i] for i in rng.permutation(len(whole)).tolist()]
    possible = [k for k in KINDS if any(k.cells(f, f.rows[i]) for f, i in seen[:_LOOKED_AT])]
    names = [k.name for k in possible] + [WRONG_COLUMN_COUNT, DUPLICATE_ROW]
    resends = len(files) > 1
    quota = _quota([*names, RESENT_RECORD] if resends else names, len(whole), rng)
    sent_twice = _to_resend(files, seen, quota.get(RESENT_RECORD, 0))
    free = deque((f, i) for f, i in seen if f.record[i] not in sent_twice)
    for kind in possible:
        _damage(kind, quota[kind.name], free)
    for file, i in _take_from_text(free, quota[WRONG_COLUMN_COUNT]):
        file.rows[i] = file.rows[i][:-2] if i % 2 else [*file.rows[i], "备注"]
        file.broken[i] = WRONG_COLUMN_COUNT
    twice = _take(free, quota[DUPLICATE_ROW])
    _resend(files, sent_twice)
    for file, i in sorted(twice, key=lambda place: -place[1]):
        file.insert(i + 1, list(file.rows[i]), file.record[i], file.results[i], DUPLICATE_ROW)


def _quota(names: list[str], rows: int, rng: np.random.Generator) -> dict[str, int]:
    """Rows a kind."""
    total = round(rows * SHARE)
    if rows >= _ALL_KINDS_FROM * len(names):
        total = max(total, len(names))
    quota = dict.fromkeys(names, total // len(names))
    for i in rng.permutation(len(names))[: total % len(names)].tolist():
        quota[names[i]] += 1
    return quota


def _damage(kind: Kind, wanted: int, free: deque[Place]) -> None:
    """Damage ``wanted`` rows that this kind can befall; those it cannot go back to the end of ``free``."""
    spared: list[Place] = []
    while wanted and free:
        file, i = free.popleft()
        if cells := kind.cells(file, file.rows[i]):
            at = cells[i % len(cells)]
            file.rows[i][at] = kind.damage(file.rows[i][at], i)
            file.broken[i] = kind.name
            wanted -= 1
        else:
            spared.append((file, i))
    free.extend(spared)


def _take(free: deque[Place], count: int) -> list[Place]:
    return [free.popleft() for _ in range(min(count, len(free)))]


def _take_from_text(free: deque[Place], count: int) -> list[Place]:
    """Only delimited text has rows of another width."""
    taken: list[Place] = []
    spared: list[Place] = []
    for place in free:
        (taken if len(taken) < count and place[0].form == "csv" else spared).append(place)
    free.clear()
    free.extend(spared)
    return taken


def _to_resend(files: list[SampleFile], seen: list[Place], wanted: int) -> dict[str, int]:
    """Records of about ``wanted`` rows, not of the last year: record → place of its file."""
    place = {id(file): n for n, file in enumerate(files)}
    chosen: dict[str, int] = {}
    for file, i in seen:
        if wanted <= 0:
            break
        if file is not files[-1] and file.record[i] not in chosen:
            chosen[file.record[i]] = place[id(file)]
            wanted -= file.record.count(file.record[i])
    return chosen


def _resend(files: list[SampleFile], sent_twice: dict[str, int]) -> None:
    """Once more, at the end of the next year's file."""
    for record, place in sent_twice.items():
        source, target = files[place], files[place + 1]
        for i in [i for i, r in enumerate(source.record) if r == record]:
            target.add(list(source.rows[i]), record, source.results[i])
            target.broken[len(target.rows) - 1] = RESENT_RECORD
