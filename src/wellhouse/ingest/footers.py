"""Rows that are no records: totals, dates of printing and notes that stand below a table."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import numpy as np

from wellhouse.ingest.blocks import Block

USUAL = (
    "合计", "总计", "小计", "打印日期", "打印时间", "打印人", "制表人", "制表日期", "导出时间", "导出日期", "审核人",
    "Total", "Printed", "Exported",
)  # fmt: skip
_NO_NAME = r"(?![^\S\t\r\n]+[A-Za-z])"
"""``Total`` before another word is the name of a result, such as total cholesterol."""
_BEFORE = b' \t,;|"\r\n\x00'
"""Bytes of blanks, quotes and separators before a row's first words, in any encoding."""
REASON = ("footer", "a record, not a total or a note below the table")


class Footers:
    """Recognises a row by the beginning of its first cell that is not blank."""

    def __init__(self, words: tuple[str, ...] = USUAL) -> None:
        self.words = words

    @cached_property
    def _cell(self) -> re.Pattern[str]:
        words = (re.escape(word) + _NO_NAME * (word.lower() == "total") for word in self.words)
        return re.compile(rf"\s*(?:{'|'.join(words)})(?=$|[\s:：,，;；\"\d(（])", re.IGNORECASE)

    def row(self, cells: list[str]) -> bool:
        return self._cell.match(next((c for c in cells if c.strip()), "")) is not None

    def records(self, block: Block, encoding: str) -> list[int]:
        """Which records of delimited text are none. Only those whose first byte may begin one are looked at closer."""
        words = [w.encode(encoding) for w in self.words]
        leads = np.zeros(256, bool)
        leads[list(_BEFORE + bytes(w[0] for w in words))] = True
        if not len(block.starts):
            return []
        maybe = np.flatnonzero(leads[np.frombuffer(block.data, np.uint8)[block.starts]])
        if not len(maybe):
            return []
        begins = re.compile(rb"[" + re.escape(_BEFORE) + rb"]*(?:" + b"|".join(map(re.escape, words)) + rb")")
        found: list[int] = []
        for i, start in zip(maybe.tolist(), block.starts[maybe].tolist(), strict=True):
            if begins.match(block.data, start):
                record = block.data[start : block.ends[i]].decode(encoding, "replace")
                if self._cell.match(record.lstrip(' \t,;|"\r\n')):
                    found.append(i)
        return found

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Footers) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)
