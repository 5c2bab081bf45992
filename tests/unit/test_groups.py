"""Combinations of columns are told apart, however many columns and values there are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wellhouse.ingest.batch import groups
from wellhouse.ingest.exam import _repeats
from wellhouse.ingest.parts import _among


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


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=12))
def test_a_repeated_result_is_never_overlooked(rows: list[tuple[int, int]]) -> None:
    """A key that comes back later may be told for nothing, one whose rows follow one another never."""
    keys, items = (np.array(column, np.int64) for column in (zip(*rows, strict=True) if rows else ((), ())))
    said = _repeats(keys, items)
    begins = [key for place, key in enumerate(keys.tolist()) if place == 0 or key != keys[place - 1]]
    if len(set(rows)) < len(rows):
        assert said
    elif len(set(begins)) == len(begins):
        assert not said


@given(st.sets(st.integers(-(2**62), 2**62)), st.sets(st.integers(-(2**62), 2**62)))
def test_keys_of_earlier_pieces_are_known_again(keys: set[int], known: set[int]) -> None:
    sought, there = (np.array(sorted(s), np.int64) for s in (keys, known | set(list(keys)[::2])))
    assert sought[_among(sought, there)].tolist() == np.intersect1d(sought, there).tolist()
