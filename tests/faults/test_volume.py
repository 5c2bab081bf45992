"""A cluster lives in the encrypted volume and is backed up from it; the disk below shows nothing of its tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.integration import backups
from tests.integration.test_volume import WORD, opened, seen
from wellhouse.ops import volume
from wellhouse.ops.bootstrap import administrator

__all__ = ["opened"]


def test_a_cluster_lives_in_it(opened: Path, unused_ports: Callable[[int], list[int]]) -> None:
    with backups.small_cluster(opened / "one", unused_ports(1)[0]) as of:
        assert volume.encryption(of.var) == "gocryptfs"
        with administrator(of, of.database) as server:
            server.execute("create table ops.canary (said text)")
            server.execute("insert into ops.canary select %s || g from generate_series(1, 1000) g", (WORD,))
            server.execute("checkpoint")
        assert seen(opened), "in clear inside, or the search sees nothing at all"
        assert backups.command(of, "backup", "run").returncode == 0
        assert not seen(opened.with_name("data.sealed"))
