"""Twenty random instants, each from both repositories."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.integration import backups
from wellhouse.ops import drill

INSTANTS = 20


def test_twenty_random_instants_come_back_from_either_repository(unused_ports: Callable[[int], list[int]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="wellhouse-backup-"))
    folder.chmod(0o711)
    with backups.small_cluster(folder, unused_ports(1)[0]) as of:
        assert backups.command(of, "backup", "run").returncode == 0
        seconds = []
        for oracle in backups.oracles(of, INSTANTS, seed=20):
            for number in (1, 2):
                began = time.monotonic()
                assert drill.restored_differs(of, oracle, of.var / "restored", number) == []
                seconds.append(time.monotonic() - began)
                shutil.rmtree(of.var / "restored")
        print(f"{INSTANTS} instants from 2 repositories: 0 differ, {sum(seconds) / len(seconds):.1f} s each")
