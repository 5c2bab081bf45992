"""The unit is one that systemd understands, with what it promises and little exposure."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wellhouse.settings import PROJECT_ROOT

EXPOSURE = 2.5
"""systemd-analyze says OK below 5; what stays is the network and users that PostgreSQL needs."""


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = subprocess.run(
        [PROJECT_ROOT / "infra" / "systemd" / "unit.sh", "daemon"], check=True, capture_output=True, text=True
    )
    path = tmp_path_factory.mktemp("systemd") / "wellhouse.service"
    path.write_text(done.stdout)
    return path


def test_nothing_is_left_to_fill_in_and_the_sandbox_is_closed(unit: Path) -> None:
    text = unit.read_text()
    assert not re.search(r"@[A-Z_]+@", text)
    for line in ("User=daemon", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "LimitCORE=0"):
        assert f"\n{line}\n" in text
    assert re.search(r"^MemoryMax=\d+M$", text, re.MULTILINE)
    assert re.search(r"^ReadWritePaths=/", text, re.MULTILINE)


def test_root_is_refused() -> None:
    done = subprocess.run([PROJECT_ROOT / "infra" / "systemd" / "unit.sh", "root"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "root runs no service" in done.stderr


def test_systemd_takes_it_and_finds_little_to_reach(unit: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if unit.name in line]) == (0, [])
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert level, said.stdout + said.stderr
    assert float(level[1]) <= EXPOSURE
