"""The MLLP listener killed outright again and again under four senders, who send again what was not acknowledged."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

from tests.integration.test_mllp import Client, Listener, listener, message
from wellhouse.mllp.answer import END

__all__ = ["listener"]
SENDERS = 4


class Sender(threading.Thread):
    """Numbered messages, one after the other; one without an answer is sent again, as HL7's senders do."""

    def __init__(self, of: Listener, first: int, stop: threading.Event) -> None:
        super().__init__()
        self._of, self._over = of, stop
        self._numbers: Iterator[int] = iter(range(first, first + 1_000_000))
        self.acknowledged: list[bytes] = []
        self.again = 0

    def run(self) -> None:
        waits: int | None = None
        while not self._over.is_set() or waits is not None:
            with suppress(OSError, IndexError), closing(Client(self._of.of)) as client:
                while not self._over.is_set() or waits is not None:
                    self.again += waits is not None
                    waits = next(self._numbers) if waits is None else waits
                    if client.send(message(waits)) != f"MSA|AA|M{waits}":
                        break
                    self.acknowledged.append(message(waits))
                    waits = None
            time.sleep(0.05)


def test_every_message_is_stored_once_whenever_the_listener_is_killed(
    listener: Listener, kills: int, chance: random.Random
) -> None:
    stop = threading.Event()
    senders = [Sender(listener, n * 1_000_000, stop) for n in range(SENDERS)]
    listener.start()
    for sender in senders:
        sender.start()
    for number in range(kills):
        time.sleep(chance.uniform(0, 0.5))
        listener.end(signal.SIGKILL)
        acknowledged = {each for sender in senders for each in [*sender.acknowledged]}
        assert acknowledged <= set(listener.stored()), f"after the {number + 1}th"
        listener.start()
    stop.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    listener.end(signal.SIGTERM)
    acknowledged = {each for sender in senders for each in sender.acknowledged}
    stored = listener.stored()
    assert len(stored) == len(set(stored))
    assert set(stored) == acknowledged
    assert all(file.read_bytes().endswith(END) for file in listener.files())
    again = sum(sender.again for sender in senders)
    print(f"{kills} kills of the listener under {SENDERS} senders: {len(acknowledged)} messages acknowledged, {again} "
          "times sent again, each stored once")  # fmt: skip
