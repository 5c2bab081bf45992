"""The watchdog killed outright again and again while others write alerts: whoever is on duty hears of each."""

from __future__ import annotations

import random
import time
from collections import Counter

from tests.faults import processes
from tests.integration.conftest import backed_up
from tests.integration.test_monitor import own, receiver
from wellhouse.ops import supervisor
from wellhouse.settings import Settings

__all__ = ["backed_up", "own", "receiver"]
TOLD_WITHIN_S = 60


def test_every_alert_is_told_whenever_the_monitor_is_killed(
    receiver: tuple[Settings, list[tuple[str | None, dict[str, object]]]],
    kills: int,
    chance: random.Random,
) -> None:
    of, heard = receiver
    places = {"ALERT_WEBHOOK_URL": of.alert_webhook_url, "ALERT_CA": of.alert_ca, "MONITOR_PORT": of.monitor_port}
    prefix = ("env", *(f"WELLHOUSE_{name}={value}" for name, value in places.items()))
    written: list[str] = []

    def write() -> None:
        written.append(f"drill.task failed in run r{len(written)} (owner o)")
        with (of.logs / "alerts.log").open("a") as file:
            file.write(f"now ALERT {written[-1]}\n")

    def told() -> Counter[str]:
        return Counter(str(alert["en"]) for _, body in heard for alert in body["alerts"])  # type: ignore[attr-defined]

    monitor = processes.begin(of, "wellhouse", "monitor", "serve", prefix=prefix)
    supervisor.wait_until((of.var / "monitor" / "memory.json").exists, TOLD_WITHIN_S, "the monitor does not start")
    processes.end(monitor)
    killed = 0
    for _ in range(kills):
        monitor = processes.begin(of, "wellhouse", "monitor", "serve", prefix=prefix)
        for _ in range(2):
            time.sleep(chance.uniform(0, 2))
            write()
        killed += processes.end(monitor)
    assert killed == kills
    monitor = processes.begin(of, "wellhouse", "monitor", "serve", prefix=prefix)
    deadline = time.monotonic() + TOLD_WITHIN_S
    while missing := {*written} - told().keys():
        assert time.monotonic() < deadline, sorted(missing)
        time.sleep(0.2)
    processes.end(monitor)
    again = sum(count - 1 for line, count in told().items() if line in written)
    print(f"{killed} kills of the monitor: each of {len(written)} alerts told, {again} of them more than once")
