"""A byte stream cut into HL7 v2 messages: framed by MLLP, in batch files, or one after the other.

A message starts at its MSH segment, with the start block before it; a message of several persons is cut at each further
PID segment, so that each part is sealed under its own person's key. What stands between messages (end blocks, batch
headers and trailers) belongs to the record before it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from wellhouse.ingest.sniff import Unreadable

BLOCK_BYTES = 4 << 20
MAX_MESSAGE_BYTES = 64 << 20
_START = re.compile(rb"\x0b|(?<![^\r\n\x1c])MSH(?=[^\w\s])|MSH(?=\|\^~\\&)")
"""The last: a message that begins in mid-line, where the one before it breaks off."""
_PID = re.compile(rb"(?<=[\r\n])PID(?=[^\w\s])")
_ENVELOPE = re.compile(rb"(?:[FB][HT]S[^\r\n]*+|[\s\x0b\x1c])*+")
"""Possessive: whatever a file holds, it is gone through once."""
_TERMINATORS = (b"\r", b"\n", b"\x1c")


@dataclass
class Cut:
    """Whole records: record i is ``data[starts[i]:starts[i + 1]]``.

    ``message[i]``: where the message that record i is a part of begins; ``torn``: records of messages that break off.
    """

    data: bytes
    starts: list[int]
    message: list[int]
    torn: set[int] = field(default_factory=set)


def head(data: bytes) -> int:
    """How many bytes stand before the first record: a byte order mark, blanks, batch headers."""
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    found = _ENVELOPE.match(data, mark)
    return _with_start_block(data, found.end() if found else mark)


def has_message(data: bytes) -> bool:
    return any(data.startswith(b"MSH", m.start()) for m in _START.finditer(data.replace(b"\x0b", b"\r")))


def cuts(file: IO[bytes], rest: bytes) -> Iterator[Cut]:
    """
    :param rest: bytes that were read already, from the first record on
    :raises Unreadable: a message beyond all measure
    """
    looked = 1
    while more := file.read(BLOCK_BYTES):
        data = rest + more
        start = _last_start(data, looked)
        if start:
            yield _cut(data[:start], False)
        rest, looked = data[start:], 1 if start else max(len(data) - 16, 1)
        if len(rest) > MAX_MESSAGE_BYTES:
            raise Unreadable("record_too_long", f"messages of at most {MAX_MESSAGE_BYTES >> 20} MiB")
    if rest:
        yield _cut(rest, True)


def _last_start(data: bytes, looked: int) -> int:
    """Where the last record of ``data[looked:]`` starts; 0: none does."""
    start = len(data)
    while (start := max(data.rfind(b"MSH", looked, start), data.rfind(b"\x0b", looked, start))) > 0:
        if _START.match(data, start):
            return _with_start_block(data, start)
    return 0


def _with_start_block(data: bytes, start: int) -> int:
    while start and data[start - 1 : start] == b"\x0b":
        start -= 1
    return start


def _cut(data: bytes, last: bool) -> Cut:
    """Every start is a record, unless only batch headers or blanks follow; more text after an end block is one, too."""
    messages: list[int] = []
    for start, stop in _between([m.start() for m in _START.finditer(data)], data):
        if not messages or not _is_envelope(data[start:stop]):
            messages.append(start)
        ended = data.find(b"\x1c", start, stop)
        if ended >= 0 and not _is_envelope(data[ended:stop]):
            messages.append(ended + 1)
    cut = Cut(data, [], [])
    for start, stop in _between(messages, data):
        parts = [start, *(m.start() for m in _PID.finditer(data, start, stop))]
        if len(parts) > 1:
            del parts[1]  # the first person is the message's own
        if _is_torn(data, start, stop, last and stop == len(data)):
            cut.torn.update(range(len(cut.starts), len(cut.starts) + len(parts)))
        cut.starts += parts
        cut.message += [start] * len(parts)
    return cut


def _between(starts: list[int], data: bytes) -> list[tuple[int, int]]:
    """Start blocks and the MSH right after them are one start."""
    merged = [s for i, s in enumerate(starts) if i == 0 or data[starts[i - 1] : s].strip(b"\x0b\r\n")]
    if not merged or merged[0] > 0:
        merged.insert(0, 0)
    return list(zip(merged, [*merged[1:], len(data)], strict=True))


def _is_envelope(data: bytes) -> bool:
    return _ENVELOPE.fullmatch(data) is not None


def _is_torn(data: bytes, start: int, stop: int, at_end: bool) -> bool:
    """A framed message without its end block; one that goes over into the next in mid-line; one the file's end cuts."""
    if data[start : start + 1] == b"\x0b":
        return data.find(b"\x1c", start, stop) < 0
    if data[stop - 1 : stop] in _TERMINATORS:
        return False
    return not at_end or _breaks_off(data[start:stop])


def _breaks_off(message: bytes) -> bool:
    """A last line without a terminator is no harm, unless it is a result with fewer fields than those before it."""
    lines = re.split(rb"[\r\n]+", message)
    separator = message[3:4]
    if not separator or not lines[-1].startswith(b"OBX" + separator):
        return re.fullmatch(rb"[A-Z][A-Z0-9]{2}.*", lines[-1], re.DOTALL) is None and len(lines) > 1
    fields = lines[-1].count(separator)
    others = [line.count(separator) for line in lines[:-1] if line.startswith(b"OBX")]
    return fields < 11 and fields < min(others, default=8)
