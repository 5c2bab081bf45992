"""The metadata databases of Airflow and Superset: brought up to date only when their code or server changed."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wellhouse.errors import WellhouseError
from wellhouse.ops import airflow, bootstrap, services, stamps
from wellhouse.settings import Settings

Step = tuple[str | Path, ...]


def ensure(settings: Settings, wanted: tuple[str, ...] = ("airflow", "superset")) -> list[str]:
    """Migrate what ``wanted`` names and return what had to be; both at once, they do not touch each other.

    :raises WellhouseError: a migration failed; its output is in ``var/logs/<service>-migration.log``.
    """
    versions = {name: _version(settings, name) for name in wanted}
    due = [name for name in wanted if not stamps.done(settings, f"{name}_metadata", versions[name])]
    with ThreadPoolExecutor(2) as pool:
        for name, _ in zip(due, pool.map(lambda n: _migrate(settings, n), due), strict=True):
            stamps.put(settings, f"{name}_metadata", versions[name])
    return due


def _steps(settings: Settings, name: str) -> list[Step]:
    pipeline, superset = services.binaries(settings, "pipeline"), services.binaries(settings, "superset")
    if name == "airflow":
        return [
            (pipeline / "airflow", "db", "migrate"),
            (pipeline / "python", settings.root / "infra" / "airflow_users.py"),
        ]
    return [
        (superset / "superset", "db", "upgrade"),
        (superset / "superset", "init"),
        (superset / "python", settings.root / "infra" / "superset_init.py"),
    ]


def _migrate(settings: Settings, name: str) -> None:
    file = settings.logs / f"{name}-migration.log"
    with file.open("ab") as log:
        for step in _steps(settings, name):
            done = subprocess.run(
                step, cwd=settings.root, env=services.environment(settings), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, umask=0o077,
            )  # fmt: skip
            if done.returncode:
                raise WellhouseError(f"the metadata of {name} could not be brought up to date: see {file}")


def renew_password(settings: Settings, username: str) -> None:
    """Airflow takes the password from the reader's file, too; nothing to do for who has no account there.

    :raises WellhouseError: Airflow's metadata could not be asked
    """
    if not (airflow.home(settings) / "airflow.cfg").exists():
        return  # Airflow was never started here
    python = services.binaries(settings, "pipeline") / "python"
    done = subprocess.run(
        [python, settings.root / "infra" / "airflow_users.py", username], cwd=settings.root,
        env=services.environment(settings), stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        raise WellhouseError(f"{username} has the new password in Superset, the old one in Airflow: is PostgreSQL up?")


def _version(settings: Settings, name: str) -> str:
    """Changes with the locked code, with what the migration reads, and with the server the metadata is on."""
    own = {"airflow": ("airflow_users.py",), "superset": ("superset_config.py", "superset_init.py")}[name]
    with bootstrap.administrator(settings, name) as server:
        row = server.execute(
            "select system_identifier::text || oid::text from pg_control_system(), pg_database "
            "where datname = current_database()"
        ).fetchone()
    assert row is not None
    return services.digest(settings.root / "uv.lock", *(settings.root / "infra" / o for o in own), salt=row[0])
