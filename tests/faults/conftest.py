"""How much of a drill: `make test-faults KILLS=100` is the long version."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.integration import backups
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


@pytest.fixture
def small(unused_ports: Callable[[int], list[int]]) -> Callable[[], AbstractContextManager[Settings]]:
    """``with small() as settings``: a small cluster that is gone afterwards."""

    @contextmanager
    def made() -> Iterator[Settings]:
        folder = Path(tempfile.mkdtemp(prefix="wellhouse-fault-"))
        folder.chmod(0o711)
        with backups.small_cluster(folder, unused_ports(1)[0]) as of:
            yield of

    return made


def sample(of: Settings, people: int, years: int = 3, seed: int | None = None) -> None:
    """The same made-up people in the inbox, every time; other ones for another ``seed``."""
    drawn = ["--seed", str(seed)] if seed is not None else []
    subprocess.run(
        ["wellhouse", "sample", "--people", str(people), "--years", str(years), "--output", str(of.inbox),
         "--recordings", str(of.inbox), *drawn], check=True, capture_output=True, cwd=PROJECT_ROOT,
    )  # fmt: skip


def waiting(of: Settings) -> list[Path]:
    return [path for path in of.inbox.rglob("*") if path.is_file()]
