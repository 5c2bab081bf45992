"""What a result cell says: a number with a comparator, an ordinal word, nothing, or something that is neither.

Only distinct texts are looked at one by one, and plain numbers not even then: the work per cell is an index.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest.plain import plain


class Kind(IntEnum):
    """What a text is."""

    ABSENT = 0
    NUMBER = 1
    WORD = 2
    NOTHING = 3
    """A lone minus, 未见异常: no number where a quantity is asked for, negative for a urine strip."""
    NEITHER = 4
    RANGE = 5
    """Two numbers, such as 3-5: which of them it was is not said."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


ABSENT = _words(
    "未检 弃检 拒检 未做 未查 放弃 放弃检查 缺检 漏检 缺项 自动放弃 自愿放弃 未检查 未检测 未测 拒绝 拒绝检查",
    "取消 退检 未完成 详见报告 见报告 详见报告单 见报告单 详见检查报告 详见附页 另附报告 见附件",
    "/ // -- --- — —— n/a na null none nan . notdone nottested refused declined seereport",
)
_NOTHING = _words("- 未见异常 未见明显异常 未发现异常 无异常 正常 normal norm")
_ORDINALS = {
    "neg": "阴性 阴性(-) 阴性- -(阴性) (-) 阴 neg neg. neg(-) negative 未检出 未见 无",
    "+-": "± +- +/- (±) (+-) 弱阳 弱阳性 弱阳性(±) 弱阳性(+-) ±(弱阳性) 可疑 可疑(±) trace tr",
    "1+": "1+ + +1 (+) (1+) 阳性+ 阳性(+) 阳性(1+) +(阳性) 1+(阳性)",
    "2+": "2+ ++ +2 (++) (2+) 阳性(++) 阳性(2+) ++(阳性) 2+(阳性)",
    "3+": "3+ +++ +3 (+++) (3+) 阳性(+++) 阳性(3+) +++(阳性) 3+(阳性)",
    "4+": "4+ ++++ +4 (++++) (4+) 阳性(++++) 阳性(4+) ++++(阳性) 4+(阳性)",
    "pos": "阳性 阳 pos pos. positive",
}
_WORDS = {spelling: word for word, spellings in _ORDINALS.items() for spelling in spellings.split()}
_SPELLINGS = {
    "≤": "<=", "≥": ">=", "≦": "<=", "≧": ">=", "⩽": "<=", "⩾": ">=", "=<": "<=", "=>": ">=", "小于等于": "<=",
    "大于等于": ">=", "小于": "<", "大于": ">", "×": "x", "✕": "x", "−": "-", "–": "-",
}  # fmt: skip
_RAISED = {ord(c): f"^{d}" for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)}
"""10⁹: normalisation alone would make it 109."""
_SIGN, _LETTER = r"[↑↓*★]+", r"\(?(?:HH|LL|H|L|偏高|偏低|高|低)\)?"
_BEFORE = re.compile(rf"^(?:{_SIGN}|{_LETTER})\s*(?=[<>=\d.+-])", re.IGNORECASE)
_AFTER = re.compile(rf"(?:\s*{_SIGN}|(?<=[\d.])\s*{_LETTER}|\s+{_LETTER})$", re.IGNORECASE)
_DIGITS = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?"
_UNIT = r"(?:/(?=[a-z\u4e00-\u9fff])|[%‰°a-zμ\u4e00-\u9fff])[\w/^*.()%‰°·{}\[\] -]*"
_NUMBER = re.compile(
    rf"(?P<sign><=|>=|<|>)?\s*(?P<number>[+-]?{_DIGITS})"
    rf"(?:\s*(?P<power>[*x]\s*10(?:\^|\*\*)?(?P<exponent>[+-]?[1-9]\d?)))?(?:\s*(?P<unit>{_UNIT}))?",
    re.IGNORECASE,
)
_RANGE = re.compile(rf"{_DIGITS}\s*(?:-{{1,2}}|~|至|到)\s*{_DIGITS}(?:\s*(?:{_UNIT}))?", re.IGNORECASE)
_PLAIN = r"^\d{1,15}(\.\d{1,15})?$"


class Reading(NamedTuple):
    """What one text says; ``unit`` as the cell writes it, ``word`` an ordinal result."""

    kind: Kind
    value: float = math.nan
    comparator: str | None = None
    word: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Parsed:
    """The cells of one column of texts; every array has one entry a cell. ``unit``: None where no cell has its own."""

    kind: npt.NDArray[np.int8]
    value: npt.NDArray[np.float64]
    comparator: pa.Array
    word: pa.Array
    unit: pa.Array | None = None


@lru_cache(maxsize=65536)
def parse_text(text: str) -> Reading:
    """One text."""
    bare = plain(text.translate(_RAISED))
    word = "".join(bare.split()).lower()
    if not word or word in ABSENT:
        return Reading(Kind.ABSENT)
    if word in _NOTHING:
        return Reading(Kind.NOTHING)
    for spelling, sign in _SPELLINGS.items():
        bare = bare.replace(spelling, sign)
    bare = _AFTER.sub("", _BEFORE.sub("", bare))
    for known in (word, "".join(bare.split()).lower()):
        if known in _WORDS:
            return Reading(Kind.WORD, word=_WORDS[known])
    if _RANGE.fullmatch(bare):
        return Reading(Kind.RANGE)
    match = _NUMBER.fullmatch(bare)
    return Reading(Kind.NEITHER) if match is None else _number(match)


def _number(match: re.Match[str]) -> Reading:
    unit, exponent = match["unit"], int(match["exponent"] or 0)
    if unit and unit.startswith("/") and match["power"]:
        # 1.2×10^9/L: the power belongs to the unit
        unit, exponent = f"10^{exponent}{unit}", 0
    value = float(match["number"].replace(",", "")) * 10.0**exponent
    if not math.isfinite(value):
        return Reading(Kind.NEITHER)
    return Reading(Kind.NUMBER, value, match["sign"], None, unit.strip() if unit else None)


def parse(cells: pa.Array, units: bool = False) -> Parsed:
    """Parse an array of strings without nulls.

    :param units: whether a number may bring its unit; else such a text is neither
    """
    encoded = cells.dictionary_encode()
    texts, index = encoded.dictionary, encoded.indices.to_numpy()
    plain = pc.match_substring_regex(texts, _PLAIN).to_numpy(zero_copy_only=False)
    kind = np.full(len(texts), Kind.NUMBER, np.int8)
    value = np.full(len(texts), np.nan)
    value[plain] = pc.cast(texts.filter(pa.array(plain)), pa.float64()).to_numpy()
    comparator: list[str | None] = [None] * len(texts)
    word: list[str | None] = [None] * len(texts)
    unit: list[str | None] = [None] * len(texts)
    for i in np.flatnonzero(~plain).tolist():
        read = parse_text(texts[i].as_py())
        if read.unit is not None and not units:
            read = Reading(Kind.NEITHER)
        kind[i], value[i], comparator[i], word[i], unit[i] = read
    take = pa.array(index)
    return Parsed(
        kind[index],
        value[index],
        pa.array(comparator, pa.string()).take(take),
        pa.array(word, pa.string()).take(take),
        pa.array(unit, pa.string()).take(take) if any(unit) else None,
    )
