"""The one supervisor of an installation: started once, asked over a Unix socket that only its owner may open."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from wellhouse.errors import WellhouseError
from wellhouse.ops import services
from wellhouse.settings import Settings

LONGEST_SOCKET = 100
"""A Unix socket's path may have 107 bytes, and the supervisor adds its process number while it starts."""


def configuration_file(settings: Settings) -> Path:
    return settings.var / "services" / "supervisord.conf"


def socket(settings: Settings) -> Path:
    return settings.var / "run" / "supervisor.sock"


def states(settings: Settings) -> dict[str, str]:
    """Service → RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL …; nothing when no supervisor runs."""
    try:
        return {p["name"]: p["statename"] for p in _call(settings, "getAllProcessInfo")}
    except OSError:
        return {}


def ensure(settings: Settings) -> None:
    """A running supervisor with today's configuration; services whose configuration changed are stopped.

    :raises WellhouseError: it did not come up.
    """
    if len(str(socket(settings))) > LONGEST_SOCKET:
        raise WellhouseError(
            f"the path {socket(settings)} is too long for a Unix socket: set WELLHOUSE_VAR to a shorter one"
        )
    (settings.var / "run").mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = configuration_file(settings)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    file.write_text(services.supervisor_configuration(settings))
    if states(settings):
        _reload(settings)
        return
    done = subprocess.run(
        [services.binaries(settings, "pipeline") / "supervisord", "-c", file],
        cwd="/", env=services.environment(settings) | services.handed_down(settings), preexec_fn=_no_core,
        text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        raise WellhouseError(f"the supervisor did not start: {' '.join(done.stderr.split())}")
    wait_until(
        lambda: bool(states(settings)), 20, f"the supervisor does not answer: see {settings.logs}/supervisord.log"
    )


def start(settings: Settings, wanted: Iterable[str]) -> list[str]:
    """Start what does not run, do not wait, and return their names."""
    now = states(settings)
    missing = [name for name in wanted if now.get(name) not in ("RUNNING", "STARTING")]
    for name in missing:
        try:
            _call(settings, "startProcess", name, False)
        except Fault as fault:
            raise WellhouseError(
                f"{name} does not start ({fault.faultString}): see {settings.logs}/{name}.log"
            ) from None
    return missing


def restart(settings: Settings, names: Iterable[str]) -> None:
    """Stop and start services that run; return when they have been told to start."""
    wanted = list(names)
    for name in wanted:
        with suppress(Fault):  # it has just ended by itself
            _call(settings, "stopProcess", name, True)
    start(settings, wanted)


def stop(settings: Settings, timeout: float = 180) -> bool:
    """Stop every service and the supervisor, and wait for it; False when none ran."""
    running, session = bool(states(settings)), _session(settings)
    if running:
        clients = {name for name in states(settings) if name != services.POSTGRES}
        for name in clients:
            with suppress(Fault):  # it does not run
                _call(settings, "stopProcess", name, False)
        wait_until(lambda: _stopped(settings, clients), timeout, "services do not stop")
        _call(settings, "shutdown")  # and PostgreSQL, once nobody needs it
        wait_until(lambda: not _alive(settings), timeout, "the supervisor does not stop")
    _end(settings, session)
    return running


def end_leftovers(settings: Settings) -> None:
    """End what a supervisor that was killed outright left behind."""
    if not states(settings):
        _end(settings, _session(settings))


def wait_until(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Ask ``done()`` until it is true.

    :raises WellhouseError: ``otherwise``, after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise WellhouseError(otherwise)
        time.sleep(0.3)


def _no_core() -> None:
    """No service leaves its memory on a disk when it crashes: keys and names are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _stopped(settings: Settings, names: set[str]) -> bool:
    return not {n for n, state in states(settings).items() if n in names and state in ("RUNNING", "STOPPING")}


def _session(settings: Settings) -> str:
    """The supervisor's last process number, which is the session of everything it started; empty: none."""
    file = settings.var / "run" / "supervisord.pid"
    return file.read_text().strip() if file.exists() else ""


def _end(settings: Settings, session: str) -> None:
    for number, grace in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        for process in _members(settings, session):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        with suppress(WellhouseError):
            return wait_until(lambda: not _members(settings, session), grace, "")
    raise WellhouseError(f"processes of an earlier start do not end: {_members(settings, session)}")


def _members(settings: Settings, session: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or it is not ours
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            where = (folder / "cwd").readlink()
            ours = where.is_relative_to(settings.root) or where.is_relative_to(settings.var)
            if fields[3] == session and folder.name != session and fields[0] != "Z" and ours:
                found.append(int(folder.name))
    return found


def _alive(settings: Settings) -> bool:
    try:
        pid = int((settings.var / "run" / "supervisord.pid").read_text())
    except (OSError, ValueError):
        return False
    return Path(f"/proc/{pid}").exists()


def _reload(settings: Settings) -> None:
    added, changed, removed = _call(settings, "reloadConfig")[0]
    for name in (*changed, *removed):
        _call(settings, "stopProcessGroup", name, True)
        _call(settings, "removeProcessGroup", name)
    for name in (*added, *changed):
        _call(settings, "addProcessGroup", name)


def _call(settings: Settings, method: str, *arguments: Any) -> Any:
    from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

    transport = SupervisorTransport(None, None, f"unix://{socket(settings)}")
    with ServerProxy("http://127.0.0.1", transport=transport) as server:
        return getattr(server.supervisor, method)(*arguments)
