"""A running Airflow over the session's installation."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest

from wellhouse.ops import installation, services, supervisor
from wellhouse.settings import Settings


@pytest.fixture(scope="package")
def airflow(built: Settings) -> Iterator[Settings]:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    installation.start(built, (services.POSTGRES, *services.AIRFLOW), print)
    yield built
    for name in services.AIRFLOW:  # other tests need the memory
        with suppress(Exception):
            supervisor._call(built, "stopProcess", name, False)
