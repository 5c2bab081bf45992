"""Fixtures that every kind of test shares.

The heavy ones build on each other and are made once a session: ``stack`` (a throwaway installation with its own
folder, ports and PostgreSQL) ← ``landed`` (the sample is ingested) ← ``built`` (marts and scores) ← ``superset_url``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

from tests.integration import backups
from wellhouse.ops import installation, services, supervisor
from wellhouse.settings import PROJECT_ROOT, Settings, settings

SAMPLE_PEOPLE = int(os.environ.get("SAMPLE_PEOPLE", "300"))
"""More, for pictures of docs/images: of 300 most groups are too small to be published."""
PREFIX = "wellhouse-test-"
PORTS = tuple(f"WELLHOUSE_{service}_PORT" for service in ("POSTGRES", "AIRFLOW", "SUPERSET", "MLLP", "MONITOR"))
FOLDER = pytest.StashKey[Path]()
BESIDE = ("dbt", "security")
"""Kinds that one of the two processes of ``make test-heavy`` runs; the other, on one of its own, runs the rest."""


def pytest_configure(config: pytest.Config) -> None:
    """Point the whole session, and every process it starts, at a folder of its own before anything reads a setting."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)  # the unprivileged user of PostgreSQL passes through
    config.stash[FOLDER] = folder
    for name in [n for n in os.environ if n.startswith(("WELLHOUSE_", "AIRFLOW__"))]:
        del os.environ[name]
    os.environ["WELLHOUSE_VAR"] = str(folder / "var")
    os.environ["WELLHOUSE_DATABASE_URL"] = ""  # tests never touch the installation that .env describes
    os.environ["AIRFLOW_HOME"] = str(folder / "airflow")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.update(dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)))
    settings.cache_clear()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that finalizers run


class SideBySide(LoadScopeScheduling):
    """Which process runs a test, by its kind."""

    def _split_scope(self, nodeid: str) -> str:
        return "beside" if nodeid.split("/")[1] in BESIDE else "others"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return SideBySide(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


def _sweep() -> None:
    """Remove what sessions that were killed outright left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            with suppress(OSError, ValueError):
                os.kill(int((folder / "var" / "run" / "supervisord.pid").read_text()), signal.SIGTERM)
            shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def run(*command: str, cwd: Path = PROJECT_ROOT) -> str:
    """Run a command of the product as its users do and return its standard output; a failure shows what it said."""
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    if done.returncode:
        pytest.fail(
            f"{' '.join(command)} exited {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}", False
        )
    return done.stdout


@pytest.fixture(scope="session")
def unused_ports() -> Callable[[int], list[int]]:
    """Ports nobody listens on, as many as asked for."""
    return free_ports


@pytest.fixture
def small(unused_ports: Callable[[int], list[int]]) -> Callable[[], AbstractContextManager[Settings]]:
    """``with small() as settings``: a small cluster that is gone afterwards."""

    @contextmanager
    def made() -> Iterator[Settings]:
        folder = Path(tempfile.mkdtemp(prefix="wellhouse-small-"))
        folder.chmod(0o711)
        with backups.small_cluster(folder, unused_ports(1)[0]) as of:
            yield of

    return made


@pytest.fixture(scope="session")
def project_root() -> Path:
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real public data that is not part of the project."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not here: ../shared/data")
    return folder


@pytest.fixture(scope="session")
def stack() -> Iterator[Settings]:
    """A running throwaway installation: PostgreSQL over TLS, roles, schemas and policies."""
    of = settings()
    try:
        installation.start(of, (services.POSTGRES,), print)
        yield of
    finally:
        supervisor.stop(of)


@pytest.fixture(scope="session")
def sample_truth(stack: Settings) -> dict[str, object]:
    """Generates the sample into the inbox; what the generator knows of its rows and defects."""
    truth = stack.var.parent / "truth.json"
    run("wellhouse", "sample", "--people", str(SAMPLE_PEOPLE), "--years", "6", "--output", str(stack.inbox),
        "--truth", str(truth), "--recordings", str(stack.inbox))  # fmt: skip
    return dict(json.loads(truth.read_text()))


@pytest.fixture(scope="session")
def landed(stack: Settings, sample_truth: dict[str, object]) -> Settings:
    """``stack`` with the sample ingested."""
    run("wellhouse", "ingest", str(stack.inbox), "--json")
    return stack


@pytest.fixture(scope="session")
def built(landed: Settings) -> Settings:
    """``landed`` with marts and scores, in the order of the DAGs."""
    run("wellhouse", "gate", "run")
    run("wellhouse", "dbt", "build", "--selector", "before_scoring")
    run(sys.executable, "-m", "models.score")
    run("wellhouse", "dbt", "build", "--selector", "after_scoring")
    return landed


@pytest.fixture(scope="session")
def superset_url(built: Settings) -> str:
    """The address of a running Superset over ``built``, deployed."""
    installation.start(built, (services.POSTGRES, services.SUPERSET), print)
    run("wellhouse", "user", "ensure-defaults")
    run("wellhouse", "superset", "deploy")
    return f"https://localhost:{built.superset_port}"
