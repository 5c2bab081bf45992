"""A cluster is made whole or not at all, and is run by its own version's server."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellhouse.errors import WellhouseError
from wellhouse.ops import accounts, cluster


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for version in ("9", "15", "17"):
        (tmp_path / "lib" / version / "bin").mkdir(parents=True)
        (tmp_path / "lib" / version / "bin" / "postgres").touch()
    monkeypatch.setattr(cluster, "INSTALLED", tmp_path / "lib")
    return tmp_path / "lib"


def test_a_cluster_is_run_by_its_own_version(installed: Path, tmp_path: Path) -> None:
    assert cluster.binaries() == cluster.binaries(tmp_path) == installed / "17" / "bin"
    (tmp_path / "PG_VERSION").write_text("15\n")
    assert cluster.binaries(tmp_path) == installed / "15" / "bin"
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(WellhouseError, match="a cluster of PostgreSQL 16, which is not installed"):
        cluster.binaries(tmp_path)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(accounts, "owner", lambda _: None)
    folder = tmp_path / "postgres"
    folder.mkdir()
    return folder


def test_half_a_cluster_is_none(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(folder: Path, *_: object) -> None:
        assert list(folder.iterdir()) == []
        (folder / "PG_VERSION").touch()
        raise KeyboardInterrupt

    def whole(folder: Path, *_: object) -> None:
        assert list(folder.iterdir()) == []
        (folder / "PG_VERSION").write_text("15\n")

    monkeypatch.setattr(cluster, "_initdb", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            cluster._make(empty, None, "")
        assert list(empty.iterdir()) == []
    monkeypatch.setattr(cluster, "_initdb", whole)
    cluster._make(empty, None, "")
    assert [p.name for p in empty.parent.iterdir()] == ["postgres"]
    assert (empty / "PG_VERSION").read_text() == "15\n"


def test_what_is_no_cluster_is_left_alone(empty: Path) -> None:
    (empty / "notes.txt").touch()
    with pytest.raises(WellhouseError, match="is not empty and no cluster"):
        cluster._make(empty, None, "")
