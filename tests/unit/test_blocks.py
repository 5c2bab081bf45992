"""A file cut into blocks of records is the file, byte for byte, whatever its encoding and wherever blocks end."""

from __future__ import annotations

import io

import pytest

from wellhouse.ingest.blocks import Splitter, blocks

TEXT = 'a,b\r\n1,"two\nlines"\r\n3,"a ""quote"""\n\n4,中文\n5,"last"'
RECORDS = 5


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [2, 6, 14, 1000])
def test_records_and_bytes_survive_any_block_size(encoding: str, size: int) -> None:
    data = TEXT.encode(encoding)
    cut = list(blocks(io.BytesIO(data), Splitter(encoding, ","), b"", size))
    assert b"".join(block.data for block in cut) == data
    assert sum(len(block.starts) for block in cut) == RECORDS


def test_a_quote_that_never_closes_ends_at_its_line() -> None:
    cut = list(blocks(io.BytesIO(b'1,"open\n2,b\n3,c\n'), Splitter("utf-8", ","), b""))
    assert sum(len(block.starts) for block in cut) == 3
    assert sum(int(block.torn.sum()) for block in cut) == 1
