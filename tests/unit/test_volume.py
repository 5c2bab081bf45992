"""An encrypted volume is recognised by its mount; whatever is not known to be encrypted is said not to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellhouse.ops import volume


def test_a_plain_folder_is_not_encrypted(tmp_path: Path) -> None:
    assert volume.encryption(tmp_path) in (None, "fscrypt", "LUKS", "dm-crypt")
    assert volume.encryption(Path("/proc/self")) is None


@pytest.mark.parametrize(("kind", "said"), [("fuse.gocryptfs", "gocryptfs"), ("ecryptfs", "ecryptfs"), ("ext4", None)])
def test_the_mount_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str | None) -> None:
    monkeypatch.setattr(volume, "_mount", lambda _: (kind, "/dev/none"))
    monkeypatch.setattr(volume, "_has_policy", lambda _: False)
    assert volume.encryption(tmp_path) == said


def test_the_innermost_mount_counts() -> None:
    assert volume._mount(Path("/proc/self"))[0] == "proc"
