"""Start what is to be killed, kill it, start it again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from wellhouse.ops import bootstrap, cluster
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings

WITH_IT_S = 25
"""Workers of pgBackRest, which have no lock and no rows to give to anybody, notice after 15 s that they are alone."""
_ended: list[int] = []


def environment(of: Settings) -> dict[str, str]:
    return os.environ | {
        "WELLHOUSE_VAR": str(of.var), "WELLHOUSE_POSTGRES_PORT": str(of.postgres_port), "WELLHOUSE_DATABASE_URL": "",
        "WELLHOUSE_BACKUP_REPO1": of.backup_repo1 or "", "WELLHOUSE_BACKUP_REPO2": of.backup_repo2 or "",
    }  # fmt: skip


def begin(of: Settings, *command: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A command of the product in a process group of its own."""
    return subprocess.Popen(
        [*prefix, *command], env=environment(of), cwd=PROJECT_ROOT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def under_way(of: Settings, process: subprocess.Popen[str], role: str) -> None:
    """Until the role has a transaction open, so that a kill hits its work and not the start of a program."""
    while process.poll() is None:
        with suppress(psycopg.OperationalError), administrator(of) as server:
            query = "select from pg_stat_activity where usename = %s and xact_start is not null"
            if server.execute(query, (role,)).fetchone():
                return
        time.sleep(0.05)


def end(process: subprocess.Popen[str]) -> bool:
    """Kill it outright, and it alone; False: it had ended by itself. Who calls goes on at once, and :func:`none_left`
    asks at the end of the test whether what it had started has ended, too."""
    alive = process.poll() is None
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    _ended.append(process.pid)
    return alive


def none_left() -> None:
    """Nothing runs any more that an ended one had started."""
    leaders, deadline = {*_ended}, time.monotonic() + WITH_IT_S
    _ended.clear()
    while left := {leader: commands for leader in leaders if (commands := _group(leader))}:
        if time.monotonic() > deadline:
            for leader in left:
                os.killpg(leader, signal.SIGKILL)
            raise AssertionError(f"left behind: {left}")
        time.sleep(0.2)


def _group(leader: int) -> list[str]:
    """The commands of a process group that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            state, _, group = stat(int(folder.name))
            if group == leader and state != "Z":
                found.append(command_of(int(folder.name)))
    return found


def stat(pid: int) -> tuple[str, int, int]:
    """Its state, who started it and its group (proc(5)).

    :raises OSError: it has ended
    """
    state, parent, group = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
    return state, int(parent), int(group)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def kill_backend(of: Settings, chance: random.Random, role: str) -> bool:
    """One of a role's server processes: PostgreSQL then ends all of them and recovers. False: there was none."""
    try:
        with administrator(of) as server:
            found = server.execute("select pid from pg_stat_activity where usename = %s", (role,)).fetchall()
    except psycopg.OperationalError:  # it recovers from the one before
        return False
    if not found:
        return False
    with suppress(ProcessLookupError):
        os.kill(chance.choice(found)[0], signal.SIGKILL)
    return True


def kill_server(of: Settings) -> subprocess.Popen[bytes]:
    """The postmaster outright, and a new one as the supervisor starts it: again and again until the last of the dead
    one's children is gone."""
    postmaster = int((cluster.data(of) / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(postmaster, 0)  # one that nobody has waited for looks alive to the next server
    return start_server(of)


def start_server(of: Settings, seconds: float = 60) -> subprocess.Popen[bytes]:
    deadline = time.monotonic() + seconds
    while True:
        server = cluster.start(of)
        time.sleep(1)
        if server.poll() is None:
            bootstrap.wait(of)
            return server
        assert time.monotonic() < deadline, "the server does not come back"


def stop_server(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def stop_pid(pid: int, number: int) -> None:
    """A process that may be our child ends by a signal."""
    os.kill(pid, number)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the server does not stop")
