"""A file cut into blocks of records is the file, byte for byte, whatever its encoding and wherever blocks end."""

from __future__ import annotations

import io
import time

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


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
@pytest.mark.parametrize("size", [2, 14, 1000])
@pytest.mark.parametrize(
    "text",
    [
        'T1,"蓝天,5\nT2,b,5\nT3,"大海,5\nT4,d,5\n',
        'T1,"张三,5\nT2,"李四",5\nT3,"two\nlines",5\n"T4","d",5\n',
        'T1,"a\nb",c,"蓝天,5\nT2,"",5\nT3,"李四",5\nT4,"蓝天"公司,5\n',
    ],
)
def test_a_stray_quote_ends_at_its_line_though_others_follow(encoding: str, size: int, text: str) -> None:
    data = text.encode(encoding)
    cut = list(blocks(io.BytesIO(data), Splitter(encoding, ","), b"", size))
    records = [block.data[a:b].decode(encoding) for block in cut for a, b in zip(block.begins, block.ends, strict=True)]
    torn = [bool(t) for block in cut for t in block.torn]
    assert "".join(records) == text
    stray = {i for i, record in enumerate(records) if '"蓝天,' in record or '"张三,' in record or '"大海,' in record}
    assert len(records) == 4
    assert {i for i, t in enumerate(torn) if t} == stray


def test_many_stray_quotes_are_read_in_time_that_grows_with_the_file() -> None:
    data = ('1,"a,2\n2,"b",3\n' * 200_000).encode()
    began = time.monotonic()
    cut = list(blocks(io.BytesIO(data), Splitter("utf-8", ","), b""))
    assert sum(int(block.torn.sum()) for block in cut) == 200_000
    assert sum(len(block.starts) for block in cut) == 400_000
    assert time.monotonic() - began < 20
