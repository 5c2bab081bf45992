"""Bring the cluster back as it was at an instant, from either repository, into any folder."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from wellhouse import db
from wellhouse.children import bound
from wellhouse.errors import WellhouseError
from wellhouse.ops import accounts, cluster, pgbackrest
from wellhouse.settings import Settings

RECOVERS_WITHIN_S = 3600
LATEST = "latest"


@dataclass(frozen=True)
class Restored:
    """A cluster that was brought back, and is stopped."""

    repo: int
    target: str
    folder: Path
    seconds: float


def instant(text: str, settings: Settings) -> str:
    """``latest``, or a time as PostgreSQL reads it; without an offset it is the installation's time zone.

    :raises WellhouseError: it is neither, or it lies ahead
    """
    if text == LATEST:
        return LATEST
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise WellhouseError(f"--to {text}: expected a time such as 2026-03-05T14:30:00+08:00, or {LATEST}") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(settings.timezone))
    if at > dt.datetime.now(dt.UTC):
        raise WellhouseError(f"--to {text}: that time is still to come")
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def restore(settings: Settings, to: str, into: Path, repo: int | None = None, kept: tuple[int, ...] = ()) -> Restored:
    """The cluster as of ``to`` in the empty folder ``into``, recovered and stopped.

    Only in the installation's own place will it archive again; a copy elsewhere never writes to the repositories.

    :param repo: 1 or 2; None: the first that can do it
    :param kept: as for :func:`running`
    :raises WellhouseError: the folder is not empty, or no repository reaches back to that instant
    """
    into = into.expanduser().resolve()
    target = instant(to, settings)
    _prepare(settings, into)
    reasons = []
    for number in (repo,) if repo else pgbackrest.REPOSITORIES:
        began = time.monotonic()
        try:
            _fetch(settings, target, into, number)
            with running(settings, into, kept):
                pass
            return Restored(number, to, into, round(time.monotonic() - began, 1))
        except WellhouseError as error:
            reasons.append(f"repository {number}: {error}")
            _empty(into)
    raise WellhouseError("; ".join(reasons))


@contextmanager
def running(settings: Settings, folder: Path, kept: tuple[int, ...] = ()) -> Iterator[Settings]:
    """A restored cluster runs on a port of its own, recovered to its target; stopped at the end.

    :param kept: descriptors that stay open for as long as the server lives, whoever started it
    :raises WellhouseError: it did not come to its target
    """
    cluster.configure(settings, folder)
    archives = folder == cluster.data(settings)
    copy = settings.model_copy(update={"postgres_port": _free_port()})
    log = folder / "recovery.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            bound([cluster.binaries(folder) / "postgres", "-D", folder, "-c", f"port={copy.postgres_port}",
                   "-c", f"archive_mode={'on' if archives else 'off'}", "-c", "log_min_messages=log"], "INT"),
            stdout=output, stderr=output, user=accounts.os_user(), group=accounts.group(accounts.os_user()),
            extra_groups=[] if accounts.os_user() else None, start_new_session=True, cwd="/", pass_fds=kept,
        )  # fmt: skip
    try:
        _wait_until_recovered(copy, server, log)
        yield copy
    finally:
        server.send_signal(2)
        with suppress(subprocess.TimeoutExpired):
            server.wait(120)
        if server.poll() is None:
            server.kill()
            server.wait()
        log.unlink(missing_ok=True)


def _prepare(settings: Settings, into: Path) -> None:
    if into.exists() and any(into.iterdir()):
        raise WellhouseError(f"{into} is not empty: restore into a new folder, or move this one away first")
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    into.chmod(0o700)
    if owner := accounts.owner(accounts.os_user()):
        os.chown(into, *owner)
    accounts.check_reachable(into, "--into")
    if not pgbackrest.configuration_file(settings).exists():
        pgbackrest.ensure(settings)
    if not (settings.tls / "postgres.crt").exists():
        from wellhouse.ops import certificates

        certificates.ensure(settings.tls, settings.mllp_host)


def _fetch(settings: Settings, target: str, into: Path, number: int) -> None:
    options = [f"--repo={number}", f"--pg1-path={into}"]
    if target == LATEST:
        options.append("--type=default")
    else:
        options += ["--type=time", f"--target={target}", "--target-action=promote"]
    pgbackrest.run(settings, "restore", *options)


def _wait_until_recovered(copy: Settings, server: subprocess.Popen[bytes], log: Path) -> None:
    """The server answers reads before recovery has ended: ask it whether it has."""
    deadline = time.monotonic() + RECOVERS_WITHIN_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise WellhouseError(_reason(log))
        with suppress(psycopg.OperationalError), db.connect("wh_ops", copy, connect_timeout=5) as connection:
            if connection.execute("select not pg_is_in_recovery()").fetchone() == (True,):
                return
        time.sleep(0.2)
    raise WellhouseError("recovery did not end within an hour")


def _reason(log: Path) -> str:
    said = [line for line in log.read_text(errors="replace").splitlines() if "FATAL:" in line or "PANIC:" in line]
    if any("before configured recovery target was reached" in line for line in said):
        return f"nothing was archived after that instant: take an earlier one, or --to {LATEST}"
    return said[0].split(":  ", 1)[-1].strip() if said else "the restored server did not start"


def _empty(folder: Path) -> None:
    import shutil

    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
