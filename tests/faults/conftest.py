"""How much of a drill: `make test-faults KILLS=100` is the long version."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import processes
from wellhouse.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="session")
def kills() -> int:
    return int(os.environ.get("KILLS", "10"))


@pytest.fixture
def chance() -> random.Random:
    """Another seed each time; the seed is told, so that a failure can be had again (``SEED=…``)."""
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(10**6)))
    print(f"SEED={seed}")
    return random.Random(seed)  # noqa: S311 - no secret


@pytest.fixture(autouse=True)
def _nothing_outlives_who_started_it() -> Iterator[None]:
    yield
    processes.none_left()


def sample(of: Settings, people: int, years: int = 3, seed: int | None = None) -> None:
    """The same made-up people in the inbox, every time; other ones for another ``seed``."""
    drawn = ["--seed", str(seed)] if seed is not None else []
    subprocess.run(
        ["wellhouse", "sample", "--people", str(people), "--years", str(years), "--output", str(of.inbox),
         "--recordings", str(of.inbox), *drawn], check=True, capture_output=True, cwd=PROJECT_ROOT,
    )  # fmt: skip


def waiting(of: Settings) -> list[Path]:
    return [path for path in of.inbox.rglob("*") if path.is_file()]
