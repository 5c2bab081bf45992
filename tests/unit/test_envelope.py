"""A sealed value opens with its key, in its place, unchanged, and not otherwise."""

from __future__ import annotations

import os

import pytest

from wellhouse.crypto import envelope
from wellhouse.errors import WellhouseError


def test_a_sealed_value_opens_in_its_place() -> None:
    key = os.urandom(envelope.KEY_BYTES)
    assert envelope.unseal(key, envelope.seal(key, b"value", b"place"), b"place") == b"value"


@pytest.mark.parametrize("defect", ["key", "place", "byte"])
def test_it_does_not_open_otherwise(defect: str) -> None:
    key = os.urandom(envelope.KEY_BYTES)
    sealed = bytearray(envelope.seal(key, b"value", b"place"))
    if defect == "byte":
        sealed[-1] ^= 1
    with pytest.raises(WellhouseError):
        envelope.unseal(
            os.urandom(32) if defect == "key" else key, bytes(sealed), b"other" if defect == "place" else b"place"
        )
