"""What a result cell says: a number with a comparator, an ordinal word, nothing, or something that is neither.

Only distinct texts are looked at one by one, and plain numbers not even then: the work per cell is an index.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class Kind(IntEnum):
    """What a text is."""

    ABSENT = 0
    NUMBER = 1
    WORD = 2
    DASH = 3
    """A lone minus: not done for a quantity, negative for a urine strip."""
    NEITHER = 4


NOT_DONE = frozenset(
    [
        "未检",
        "弃检",
        "拒检",
        "未做",
        "未查",
        "放弃",
        "缺检",
        "漏检",
        "自动放弃",
        "未检查",
        "/",
        "//",
        "--",
        "---",
        "—",
        "——",
        "n/a",
        "na",
        "null",
        "none",
        "nan",
        ".",
        "notdone",
        "refused",
    ]
)
_ORDINALS = {
    "neg": "阴性 阴性(-) (-) 阴 neg negative 未检出 无",
    "+-": "± +- +/- 弱阳性 弱阳性(±) 弱阳性(+-) 可疑 trace",
    "1+": "1+ + +1 (+) 阳性(+) 阳性(1+)",
    "2+": "2+ ++ +2 (++) 阳性(++) 阳性(2+)",
    "3+": "3+ +++ +3 (+++) 阳性(+++) 阳性(3+)",
    "4+": "4+ ++++ +4 (++++) 阳性(++++) 阳性(4+)",
    "pos": "阳性 阳 pos positive",
}
_WORDS = {spelling: word for word, spellings in _ORDINALS.items() for spelling in spellings.split()}
_COMPARATORS = {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">=", "⩽": "<=", "⩾": ">="}
_FLAG = r"(?:[↑↓*]+|\(?(?:HH|LL|H|L|偏高|偏低|高|低)\)?)?"
_NUMBER = re.compile(
    rf"{_FLAG}(?P<cmp><=|>=|<|>)?(?P<num>[+-]?(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d*)?|\d+\.?\d*|\.\d+)(?:e[+-]?\d{{1,3}})?)"
    rf"(?:[*x](?:10\^?|10\*\*)(?P<exp>[+-]?\d{{1,2}}))?{_FLAG}",
    re.IGNORECASE,
)
_PLAIN = r"^\d{1,15}(\.\d{1,15})?$"


@dataclass(frozen=True)
class Parsed:
    """The cells of one column of texts; every array has one entry a cell."""

    kind: npt.NDArray[np.int8]
    value: npt.NDArray[np.float64]
    comparator: pa.Array
    word: pa.Array


@lru_cache(maxsize=65536)
def parse_text(text: str) -> tuple[Kind, float, str | None, str | None]:
    """(kind, value, comparator, word) of one text."""
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("'").replace(" ", "").replace("×", "x")
    plain = plain.replace("−", "-").replace("–", "-")
    lower = plain.lower()
    if not lower or lower in NOT_DONE:
        return Kind.ABSENT, np.nan, None, None
    if lower == "-":
        return Kind.DASH, np.nan, None, None
    if lower in _WORDS:
        return Kind.WORD, np.nan, None, _WORDS[lower]
    for spelling, sign in _COMPARATORS.items():
        plain = plain.replace(spelling, sign)
    match = _NUMBER.fullmatch(plain)
    if match is None:
        return Kind.NEITHER, np.nan, None, None
    value = float(match["num"].replace(",", "")) * 10.0 ** int(match["exp"] or 0)
    return (Kind.NUMBER if np.isfinite(value) else Kind.NEITHER), value, match["cmp"], None


def parse(cells: pa.Array) -> Parsed:
    """Parse an array of strings without nulls."""
    encoded = cells.dictionary_encode()
    texts, index = encoded.dictionary, encoded.indices.to_numpy()
    plain = pc.match_substring_regex(texts, _PLAIN).to_numpy(zero_copy_only=False)
    kind = np.full(len(texts), Kind.NUMBER, np.int8)
    value = np.full(len(texts), np.nan)
    value[plain] = pc.cast(texts.filter(pa.array(plain)), pa.float64()).to_numpy()
    comparator: list[str | None] = [None] * len(texts)
    word: list[str | None] = [None] * len(texts)
    for i in np.flatnonzero(~plain).tolist():
        kind[i], value[i], comparator[i], word[i] = parse_text(texts[i].as_py())
    take = pa.array(index)
    return Parsed(
        kind[index],
        value[index],
        pa.array(comparator, pa.string()).take(take),
        pa.array(word, pa.string()).take(take),
    )
