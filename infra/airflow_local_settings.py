"""No process of Airflow outlives the one that started it; Airflow imports this file by its name.

A scheduler that is killed outright would leave its four workers waiting for ever, and a task of theirs running beside
the one that the next scheduler starts in its place.
"""

from __future__ import annotations

import ctypes
import os
import signal

__all__: list[str] = []  # nothing here replaces a setting of Airflow

_libc = ctypes.CDLL(None, use_errno=True)
_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends us when our parent ends; what we start in our place keeps it."""


def _end_with_parent() -> None:
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL)  # the scheduler's own handler, inherited, ignores a milder one


os.register_at_fork(after_in_child=_end_with_parent)
