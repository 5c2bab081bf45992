"""What a process that was killed outright had started ends with it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.faults import processes
from wellhouse.settings import PROJECT_ROOT

OF_OURS = """
import subprocess
from wellhouse.children import bound
subprocess.run(bound(["sh", "-c", "echo $$; exec sleep 60"]))
"""
AS_AIRFLOW_FORKS = """
import airflow_local_settings, os, signal, subprocess, time
signal.signal(signal.SIGTERM, lambda *_: None)
if os.fork() == 0:
    print(os.getpid(), flush=True)
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        subprocess.Popen(["sh", "-c", "echo $$; exec sleep 60"], preexec_fn=os.setsid)
    time.sleep(60)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    try:
        return processes.stat(pid)[0] != "Z"
    except OSError:
        return False


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("program", "count"), [(OF_OURS, 1), (AS_AIRFLOW_FORKS, 3)], ids=["ours", "Airflow's"])
def test_none_is_left_of_what_a_killed_one_started(program: str, count: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT / "infra"
    )
    assert parent.stdout is not None
    started = [int(parent.stdout.readline()) for _ in range(count)]
    assert all(map(runs, started))
    parent.kill()
    parent.wait()
    until(lambda: not any(map(runs, started)))
    parent.stdout.close()
