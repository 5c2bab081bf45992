"""A running Airflow over the session's installation."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from wellhouse.ops import installation, services, supervisor
from wellhouse.settings import Settings


@contextmanager
def running(of: Settings) -> Iterator[Settings]:
    """Airflow beside what runs already; stopped again, for other tests need the memory."""
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    installation.start(of, (services.POSTGRES, *services.AIRFLOW), print)
    yield of
    for name in services.AIRFLOW:
        with suppress(Exception):
            supervisor._call(of, "stopProcess", name, False)


@pytest.fixture(scope="package")
def airflow(built: Settings) -> Iterator[Settings]:
    with running(built) as of:
        yield of
