"""A record of many rows that a block boundary cuts in two is one: joined here, so that the loader need not look."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest.batch import Ints
from wellhouse.landing.families import Family


class Seam:
    """Remembers the last record of the block before: its key, its person and its items."""

    def __init__(self) -> None:
        self._last: tuple[int, int] = (0, 0)
        self._items: set[str] = set()

    def join(self, tables: dict[str, pa.Table], family: Family, keys: Ints) -> Ints:
        """Take out the head row that only repeats the record before; ``keys`` without its key, when all is well.

        A repeated item is left alone: the loader then decides what is a duplicate.
        """
        head = tables.get(family.head)
        if head is None or not head.num_rows:
            return keys
        first = (head[family.key][0].as_py(), head["person_key"][0].as_py())
        last = (head[family.key][-1].as_py(), head["person_key"][-1].as_py())
        joined = first == self._last and not self._items & (own := _items(tables, family, first[0]))
        if joined:
            tables[family.head] = head.slice(1)
            keys = keys[keys != first[0]]
        carried = self._items | own if joined and first == last else _items(tables, family, last[0])
        self._last, self._items = last, carried
        return np.asarray(keys)


def _items(tables: dict[str, pa.Table], family: Family, key: int) -> set[str]:
    detail = tables[str(family.detail)]
    return set(detail[family.item].filter(pc.equal(detail[family.key], key)).to_pylist())
