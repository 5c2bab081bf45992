"""Whom the database server and its backups run as: never root."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from wellhouse.errors import WellhouseError


def os_user() -> str | None:
    """None for ourselves, the distribution's ``postgres`` when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise WellhouseError(
            "as root, an unprivileged user `postgres` is needed: install the distribution's postgresql package"
        ) from None
    return "postgres"


def owner(user: str | None) -> tuple[int, int] | None:
    """(uid, gid) for what belongs to ``user``; None: ourselves."""
    if user is None:
        return None
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def check_reachable(folder: Path, setting: str) -> None:
    """The server's user may write in ``folder``.

    :raises WellhouseError: it may not; the line names the setting that moves the folder
    """
    user = os_user()
    if user is None:
        return
    done = subprocess.run(
        ["test", "-w", str(folder)], user=user, group=group(user), extra_groups=[], cwd="/"
    )  # fmt: skip
    if done.returncode:
        raise WellhouseError(
            f"the user `{user}` cannot reach {folder}: give its parent folders o+x, "
            f"or set {setting} to a folder it can reach"
        )
