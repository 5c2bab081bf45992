"""The encrypted volume: what is in it is in clear nowhere below it, closed it shows nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wellhouse.ops import volume
from wellhouse.settings import PROJECT_ROOT

WORD = "龘靐齉爩-canary-of-the-volume"


def helper(*words: str, given: str = "a passphrase") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROJECT_ROOT / "infra" / "encrypted_volume.sh", *words], text=True, capture_output=True,
        stdin=subprocess.DEVNULL, env=os.environ | {"WELLHOUSE_VOLUME_PASSPHRASE": f"echo {given}"},
    )  # fmt: skip


@pytest.fixture
def opened() -> Iterator[Path]:
    if not shutil.which("gocryptfs") or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("no gocryptfs, or no FUSE here")
    top = Path(tempfile.mkdtemp(prefix="wellhouse-volume-"))
    top.chmod(0o711)
    folder = top / "data"
    assert helper("create", str(folder)).returncode == 0
    done = helper("open", str(folder))
    if done.returncode:
        shutil.rmtree(top)
        pytest.skip(f"FUSE does not mount here: {done.stderr.strip()}")
    yield folder
    if folder.is_mount():
        subprocess.run(["fusermount3", "-uz", str(folder)], check=True)
    shutil.rmtree(top)


def test_open_it_shows_what_closed_it_hides(opened: Path) -> None:
    assert volume.encryption(opened) == "gocryptfs"
    (opened / "kept").write_text(WORD)
    assert seen(opened) == [str(opened / "kept")]
    assert seen(opened.with_name("data.sealed")) == []
    assert helper("close", str(opened)).returncode == 0
    assert list(opened.iterdir()) == []
    assert helper("open", str(opened), given="another one").returncode != 0
    assert helper("open", str(opened)).returncode == 0
    assert (opened / "kept").read_text() == WORD


def test_what_is_in_the_way_is_one_line(opened: Path) -> None:
    for words, said in (
        (("open", str(opened)), "is open already"),
        (("create", str(opened)), "is there already"),
        (("open", str(opened.with_name("other"))), "create it first"),
        (("lock", str(opened)), "usage"),
    ):
        done = helper(*words)
        assert done.returncode == 1
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


def seen(folder: Path) -> list[str]:
    word = WORD.encode()
    return [str(p) for p in folder.rglob("*") if word.decode() in p.name or (p.is_file() and word in p.read_bytes())]
