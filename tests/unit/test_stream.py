"""What was sealed as a stream opens whole and in order, or not at all."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellhouse.crypto import stream
from wellhouse.errors import WellhouseError

KEY, AAD = bytes(range(32)), b"place"
HEAD, CHUNK = 11, stream.CHUNK_BYTES + 16


def sealed(plaintext: bytes) -> bytes:
    target = io.BytesIO()
    assert stream.seal(KEY, io.BytesIO(plaintext), target, AAD) == len(plaintext)
    return target.getvalue()


def opened(data: bytes, key: bytes = KEY, aad: bytes = AAD) -> bytes:
    return b"".join(stream.unseal(key, io.BytesIO(data), aad))


THREE = bytes(range(256)) * (stream.CHUNK_BYTES * 5 // 2 // 256)


@pytest.mark.parametrize("size", [0, 1, stream.CHUNK_BYTES - 1, stream.CHUNK_BYTES, stream.CHUNK_BYTES + 1, len(THREE)])
def test_what_was_sealed_opens(size: int) -> None:
    assert opened(sealed(THREE[:size])) == THREE[:size]


def test_nothing_repeats() -> None:
    assert sealed(b"the same") != sealed(b"the same")


def _chunks(data: bytes) -> list[bytes]:
    return [data[i : i + CHUNK] for i in range(HEAD, len(data), CHUNK)]


@pytest.mark.parametrize(
    ("damage", "changed"),
    [
        ("cut after a chunk", lambda d: d[: HEAD + 2 * CHUNK]),
        ("cut within a chunk", lambda d: d[:-1]),
        ("only the head", lambda d: d[:HEAD]),
        ("chunks change places", lambda d: d[:HEAD] + b"".join([_chunks(d)[i] for i in (1, 0, 2)])),
        ("a chunk is missing", lambda d: d[:HEAD] + b"".join([_chunks(d)[i] for i in (0, 2)])),
        ("a chunk comes twice", lambda d: d[:HEAD] + b"".join([_chunks(d)[i] for i in (0, 1, 1, 2)])),
        ("something is added", lambda d: d + b"x"),
        ("another file's chunk", lambda d: d[:HEAD] + _chunks(sealed(THREE))[0] + d[HEAD + CHUNK :]),
        ("another kind of file", lambda d: b"RIFF" + d[4:]),
    ],
)
def test_a_changed_file_does_not_open(damage: str, changed: object) -> None:
    with pytest.raises(WellhouseError):
        opened(changed(sealed(THREE)))  # type: ignore[operator]


@given(st.integers(0, 300), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_no_byte_may_change(place: int, by: int) -> None:
    data = bytearray(sealed(b"a call of a few seconds" * 20))
    data[place % len(data)] ^= by
    with pytest.raises(WellhouseError):
        opened(bytes(data))


def test_neither_another_key_nor_another_place_opens_it() -> None:
    with pytest.raises(WellhouseError):
        opened(sealed(b"x"), key=bytes(32))
    with pytest.raises(WellhouseError):
        opened(sealed(b"x"), aad=b"elsewhere")
