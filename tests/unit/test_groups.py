"""Combinations of columns are told apart, however many columns and values there are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wellhouse.ingest.batch import groups


def test_many_wide_columns_do_not_wrap_round() -> None:
    """Products of 2^14 values in five columns pass 2^64: the first column must still count."""
    size = 2**14
    same = np.arange(size)
    first = np.r_[same, 0]  # the last row differs from row size - 1 in the first column only
    others = np.r_[same, size - 1]
    heads, group = groups(first, others, others, others, others, others)
    assert len(heads) == size + 1
    assert group[-1] != group[size - 1]


@given(st.lists(st.tuples(*[st.integers(-(2**62), 2**62)] * 3), max_size=50))
def test_equal_rows_and_only_those_share_a_group(rows: list[tuple[int, int, int]]) -> None:
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    heads, group = groups(*columns)
    order = list(dict.fromkeys(rows))
    assert [rows[h] for h in heads.tolist()] == order
    assert [order[g] for g in group.tolist()] == rows
