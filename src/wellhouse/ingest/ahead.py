"""Read on while the last piece is worked on: an iterator whose next item is made in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items in the same order, one made in advance; errors are raised where the item would have come.

    Leaving early stops the thread before anything that ``items`` reads from is closed.
    """
    ready: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(maxsize=1)
    leaving = threading.Event()

    def make() -> None:
        try:
            for item in items:
                ready.put((item,))
                if leaving.is_set():
                    return
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    def given() -> Iterator[T]:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        yield given()
    finally:
        leaving.set()
        while thread.is_alive():
            try:
                ready.get(timeout=0.05)  # it may wait to hand over
            except queue.Empty:
                continue
        thread.join()
