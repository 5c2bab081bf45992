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
REASON = ("footer", "a record, not a total or a note below the table")


class Footers:
    """Recognises a row by the beginning of its first cell that is not blank."""

    def __init__(self, words: tuple[str, ...] = USUAL) -> None:
        self.words = words

    @cached_property
    def _cell(self) -> re.Pattern[str]:
        return re.compile(rf"\s*(?:{'|'.join(map(re.escape, self.words))})(?=$|[\s:：,，;；\"\d(（])", re.IGNORECASE)

    def row(self, cells: list[str]) -> bool:
        return self._cell.match(next((c for c in cells if c.strip()), "")) is not None

    def records(self, block: Block, encoding: str) -> list[int]:
        """Which records of delimited text are none. Bytes are looked at: nearly no block has any."""
        data = block.data
        words = [w.encode(encoding) for w in self.words]
        if not any(w in data for w in words):
            return []
        line = re.compile(rb"^[ \t,;|\"\r\x00]*(?:" + b"|".join(map(re.escape, words)) + b")", re.MULTILINE)
        at = np.array([m.end() - 1 for m in line.finditer(data)], np.int64)
        found: list[int] = []
        for i in np.unique(np.searchsorted(block.starts, at, side="right") - 1).tolist():
            record = data[block.starts[i] : block.ends[i]].decode(encoding, "replace")
            if i >= 0 and self._cell.match(record.lstrip(' \t,;|"\r\n')):
                found.append(i)
        return found

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Footers) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)
