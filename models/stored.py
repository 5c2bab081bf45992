"""Scores as the warehouse keeps them: one row a person and exam, a place in its arrays for each output.

What is at which place is a layout; what can be said of a score (class, or why there is none) is a verdict. Both are
few and each has a key made of its content, so that writing them again is no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from models.spec import Output, Spec

Array = np.ndarray[Any, np.dtype[Any]]
TEXTS = ("category", "reason", "reason_zh", "missing")


@dataclass(frozen=True)
class Scored:
    """Of some people, what one model says; ``outputs`` are those that are kept."""

    spec: Spec
    outputs: Sequence[Output]
    scores: pd.DataFrame


@dataclass
class Store:
    """The layouts and verdicts of a run, gathered while its people are written."""

    layouts: dict[int, list[tuple[int, str, str, str, str]]] = field(default_factory=dict)
    verdicts: dict[int, tuple[bool, str, str, str, str]] = field(default_factory=dict)

    def rows(self, people: pd.DataFrame, scored: Iterable[Scored], run_id: str) -> pa.Table:
        """One row for each of the people, as ``risk.scoring`` has it."""
        scored = list(scored)
        places = [(one, output) for one in scored for output in one.outputs]
        values = np.column_stack([one.scores[output.name].to_numpy(dtype=float) for one, output in places])
        verdicts = np.column_stack(
            [ids for one in scored for ids in self._verdicts(one)[: len(one.outputs)]]
        )  # fmt: skip
        layout = self._layout(places)
        rows = len(people)
        return pa.table(
            {
                "person_key": pa.array(people["person_key"], pa.int64()),
                "site": pa.array(people["site"], pa.string()),
                "exam_key": pa.array(people["exam_key"], pa.int64()),
                "exam_date": pa.array(people["exam_date"], pa.date32()),
                "layout_id": pa.repeat(pa.scalar(layout, pa.int64()), rows),
                "value": _lists(values),
                "verdict_id": _lists(verdicts),
                "run_id": pa.repeat(run_id, rows),
            }
        )

    def layout_table(self) -> pa.Table:
        names = ("layout_id", "place", "model", "version", "output", "unit")
        return _table(names, [(key, *line) for key, lines in self.layouts.items() for line in lines])

    def verdict_table(self) -> pa.Table:
        names = ("verdict_id", "eligible", "category", "reason_en", "reason_zh", "missing")
        return _table(names, [(key, *texts) for key, texts in self.verdicts.items()])

    def _layout(self, places: Sequence[tuple[Scored, Output]]) -> int:
        lines = [
            (place, one.spec.model, one.spec.version, output.name, output.unit)
            for place, (one, output) in enumerate(places, 1)
        ]
        key = _key(lines)
        self.layouts[key] = lines
        return key

    def _verdicts(self, one: Scored) -> list[Array]:
        """Keys for each output: of the first with its category, of the others without."""
        codes = one.scores["eligible"].to_numpy().astype(np.int64)
        for name in TEXTS:
            column = one.scores[name].cat
            codes = codes * len(column.categories) + column.codes.to_numpy()
        _, first, group = np.unique(codes, return_index=True, return_inverse=True)
        distinct = one.scores.iloc[first][["eligible", *TEXTS]].astype(object).to_numpy().tolist()
        found = []
        for output in one.outputs:
            keys = []
            for eligible, category, *reasons in distinct:
                said = (bool(eligible), category if output is one.spec.output else "", *reasons)
                keys.append(_key(said))
                self.verdicts[keys[-1]] = said
            found.append(np.array(keys, np.int64)[group])
        return found


def _key(content: object) -> int:
    """63 bits of a hash of the content."""
    digest = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _lists(matrix: Array) -> pa.ListArray:
    """A row of the matrix is a list; NaN is null."""
    rows, width = matrix.shape
    offsets = pa.array(np.arange(0, rows * width + 1, width, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(matrix.ravel(), from_pandas=True))


def _table(names: Sequence[str], lines: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.table(dict(zip(names, map(list, zip(*lines, strict=True)), strict=True)))
