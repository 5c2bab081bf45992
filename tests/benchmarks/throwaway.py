"""An installation of PostgreSQL alone, for one benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wellhouse.ops import installation, services, supervisor
from wellhouse.settings import Settings, settings

PORT = "15931"
WELLHOUSE = str(Path(sys.executable).with_name("wellhouse"))


@contextmanager
def installed() -> Iterator[tuple[Settings, Path]]:
    """Its settings, which every command started meanwhile has too, and a folder; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wellhouse-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ |= {
            "WELLHOUSE_VAR": str(folder / "var"),
            "WELLHOUSE_POSTGRES_PORT": PORT,
            "WELLHOUSE_DATABASE_URL": "",
        }
        settings.cache_clear()
        of = Settings()
        try:
            installation.start(of, (services.POSTGRES,), print)
            yield of, folder
        finally:
            supervisor.stop(of)


def timed(*command: str) -> tuple[float, int, str]:
    """(seconds, peak resident MiB, standard output) of one command, with its start."""
    before = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited {process.returncode}")
    return time.monotonic() - before, usage.ru_maxrss // 1024, said
