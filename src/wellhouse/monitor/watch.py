"""The watchdog: measures, compares, tells, and copies the keystore when it has changed, dead Airflow or not."""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path

from wellhouse.errors import WellhouseError
from wellhouse.monitor import measures, memory, notify, rules
from wellhouse.monitor.measures import Sample
from wellhouse.ops import copies, pgbackrest
from wellhouse.settings import Settings

EVERY_S = 30.0
KEPT_AT_MOST = 500
"""Notices that wait for a channel that does not take them; older ones are in the log only."""


class Watch:
    """One installation under watch; :meth:`round` is one look at it.

    Whoever watches after it, killed or not, goes on where it was: each notice is told, and once,
    unless it was killed while telling.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.time()
        self._rules = rules.load(settings.root)
        self._log = settings.logs / "alerts.log"
        self._memory = memory.load(settings, self._log.stat().st_size if self._log.exists() else 0)
        self._keep()
        self._copied: dict[int, tuple[int, ...]] = {}
        self.samples: list[Sample] = []

    def round(self) -> list[notify.Notice]:
        """Measure everything, tell what began and ended, and return it."""
        samples = measures.collect(self._settings, self._began)
        began, ended = self._memory.state.update(self._rules, samples, time.time())
        self.samples = [*samples, *(Sample("wellhouse_alert_firing", 1, {"alert": k}) for k in self.firing)]
        own = [
            *(notify.of_alert(a, notify.FIRING, self._settings) for a in began),
            *(notify.of_alert(a, notify.RESOLVED, self._settings) for a in ended),
        ]
        notices = [*self._written_by_others(), *own]
        with suppress(OSError):  # a full disk must not keep us from telling of it
            self._write(own)
        waited = self._memory.waiting
        self._memory.waiting = {
            name: [*waited.get(name, ()), *notices][-KEPT_AT_MOST:] for name in notify.channels(self._settings)
        }
        self._keep()
        self._send()
        self._keep()
        self._copy_keystore()
        return notices

    @property
    def firing(self) -> list[str]:
        return sorted(self._memory.state.firing)

    def _keep(self) -> None:
        with suppress(OSError):  # as above
            memory.keep(self._settings, self._memory)

    def _send(self) -> None:
        for name, channel in notify.channels(self._settings).items():
            if waiting := self._memory.waiting.get(name):
                try:
                    channel(self._settings, waiting)
                    waiting.clear()
                except WellhouseError as error:  # they wait for the next round
                    print(f"{name}: {error}", file=sys.stderr, flush=True)

    def _write(self, notices: list[notify.Notice]) -> None:
        """One line each in ``alerts.log``; whatever else is written there meanwhile is read next time."""
        if not notices:
            return
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a") as file:
            file.writelines(f"{n.at} ALERT monitor: {n.line}\n" for n in notices)

    def _written_by_others(self) -> list[notify.Notice]:
        if not self._log.exists():
            return []
        size = self._log.stat().st_size
        with self._log.open("rb") as file:
            file.seek(self._memory.read if self._memory.read <= size else 0)
            content = file.read()
        whole, _, rest = content.rpartition(b"\n")
        self._memory.read = size - len(rest)
        lines = whole.decode(errors="replace").splitlines()
        return [notify.of_line(li, self._settings) for li in lines if " ALERT " in li and " ALERT monitor: " not in li]

    def _copy_keystore(self) -> None:
        """Into each repository whenever it has changed: a key must not be lost that something is sealed under."""
        state = _state(self._settings.keystore)
        for number in pgbackrest.REPOSITORIES:
            if state and self._copied.get(number) != state:
                with suppress(OSError, sqlite3.Error, WellhouseError):  # the next round tries again
                    copies.copy_keystore(self._settings, number)
                    self._copied[number] = state


def _state(folder: Path) -> tuple[int, ...]:
    """Changes whenever the keystore or its write-ahead log was written."""
    found = [p.stat() for p in sorted(folder.glob("keystore.sqlite*")) if not p.name.endswith("-shm")]
    return tuple(n for s in found if s.st_size for n in (s.st_size, s.st_mtime_ns))
