"""A port that another program holds: one line that names the setting."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wellhouse.errors import WellhouseError
from wellhouse.ops import ports
from wellhouse.settings import Settings

SETTINGS = tuple(f"WELLHOUSE_{service}_PORT" for service in ("POSTGRES", "AIRFLOW", "SUPERSET", "MLLP", "MONITOR"))


@pytest.fixture
def stranger() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_taken_port_is_one_line_that_names_its_setting(
    setting: str, stranger: int, tmp_path: Path, unused_ports: Callable[[int], list[int]]
) -> None:
    free = dict(zip(SETTINGS, map(str, unused_ports(len(SETTINGS))), strict=True))
    environment = os.environ | free | {"WELLHOUSE_VAR": str(tmp_path / "var"), setting: str(stranger)}
    done = subprocess.run(["wellhouse", "ops", "up"], env=environment, text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.strip() == f"wellhouse: port {stranger} is taken by another program: set {setting} to a free one"
    assert not (tmp_path / "var").exists()


def test_our_own_running_services_are_not_in_the_way(stack: Settings) -> None:
    assert ports.taken(stack.postgres_port)
    ports.check(stack)


def test_two_services_cannot_share_a_port(stack: Settings) -> None:
    with pytest.raises(WellhouseError, match="must all be different"):
        ports.check(stack.model_copy(update={"airflow_port": stack.superset_port}))
