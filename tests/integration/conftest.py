"""What several integration tests share."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import backups
from wellhouse.crypto.keyring import Keyring
from wellhouse.monitor import measures
from wellhouse.settings import Settings

KEYS = 50
AUDIO = bytes(range(256)) * 9000


@pytest.fixture(scope="session")
def backed_up(unused_ports: Callable[[int], list[int]]) -> Iterator[Settings]:
    """A small cluster with a backup in each repository, a keystore and a recording; no other service of it runs."""
    folder = Path(tempfile.mkdtemp(prefix="wellhouse-backup-"))
    folder.chmod(0o711)
    port, monitor, airflow, superset, mllp = unused_ports(5)
    with backups.small_cluster(folder, port) as of:
        of = of.model_copy(
            update={"monitor_port": monitor, "airflow_port": airflow, "superset_port": superset, "mllp_port": mllp}
        )
        with Keyring.open(of) as ring:
            ring.create(KEYS)
        recording = of.var / "recordings" / "hz" / "a.sealed"
        recording.parent.mkdir(parents=True)
        recording.write_bytes(AUDIO)
        measures.beat(of)
        done = backups.command(of, "backup", "run", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        time.sleep(2)  # what ended within the same second as an instant cannot be restored to it
        yield of
