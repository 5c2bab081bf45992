"""Reading on in a thread gives the same items, the same errors, and stops when it is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from wellhouse.ingest.ahead import ahead


def test_order_is_kept() -> None:
    with ahead(iter(range(1000))) as items:
        assert list(items) == list(range(1000))


def test_an_error_comes_where_the_item_would_have() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    seen = []
    with pytest.raises(ValueError, match="third"), ahead(broken()) as items:
        seen.extend(items)
    assert seen == [1, 2]


def test_leaving_early_stops_the_thread() -> None:
    made = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    threads = threading.active_count()
    with ahead(endless()) as items:
        assert next(items) == 0
    assert threading.active_count() == threads
    count = len(made)
    time.sleep(0.05)
    assert len(made) == count <= 4
