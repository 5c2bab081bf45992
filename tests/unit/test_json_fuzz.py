"""JSON that was cut, changed and filled with anything: no crash, and every byte and record is somewhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_json import FOLLOW_UP, RECORD
from wellhouse.ingest import formats
from wellhouse.ingest.sniff import Unreadable

VALUE = st.sampled_from([0, "ok", "]}", "[{", {"a": 1}, {"a": "{["}, [RECORD], [], None])
CHANGE = st.tuples(
    st.floats(0, 1), st.integers(0, 12),
    st.sampled_from([b"", b"{", b"}", b"[", b"]", b'"', b",", b"\\", b"\n", b"\0", b"\xf5"]),
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    before=st.dictionaries(st.sampled_from("ab"), VALUE), records=st.lists(st.just(RECORD), max_size=3),
    behind=st.dictionaries(st.sampled_from("xy"), VALUE), indent=st.sampled_from([None, 1]),
    changes=st.lists(CHANGE, max_size=4),
)  # fmt: skip
def test_of_an_envelope_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, object], records: list[object],
    behind: dict[str, object], indent: int | None, changes: list[tuple[float, int, bytes]],
) -> None:  # fmt: skip
    content = json.dumps({**before, "rows": records, **behind}, ensure_ascii=False, indent=indent).encode()
    for place, length, instead in changes:
        start = int(place * len(content))
        content = content[:start] + instead + content[start + length :]
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_bytes(content)
    try:
        with formats.open_source(path, "json", FOLLOW_UP) as source:
            whole = source.head
            for piece in source.pieces(set(range(len(source.header.names)))):
                whole += piece.data
                assert {*piece.good.tolist(), *(index for index, _, _ in piece.bad)} == set(range(len(piece.starts)))
    except Unreadable:
        return
    assert whole == content
