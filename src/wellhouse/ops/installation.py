"""Start and stop an installation; each step finds out what is left to do, so a second start does next to nothing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from wellhouse.errors import WellhouseError
from wellhouse.ops import (
    airflow,
    bootstrap,
    certificates,
    cluster,
    health,
    migrations,
    pgbackrest,
    pipeline,
    ports,
    services,
    stamps,
    supervisor,
)
from wellhouse.settings import Settings

Say = Callable[[str], None]
HEALTHY_WITHIN_S = 240


def up(settings: Settings, say: Say) -> None:
    """Everything runs, the sample is loaded once through the DAGs, and the reader knows where to log in.

    :raises WellhouseError: the first step that could not be done, in one line.
    """
    start(settings, services.names(settings), say)
    _command(settings, say, "user", "ensure-defaults")
    _command(settings, say, "superset", "deploy")
    _load_sample(settings, say)
    pipeline.switch_on(settings)
    for line in where_to_go(settings):
        say(line)


def start(settings: Settings, wanted: tuple[str, ...], say: Say) -> None:
    """The services ``wanted`` run and are well; what they need is made first."""
    supervisor.end_leftovers(settings)
    ports.check(settings)
    say("certificates, folders and the database cluster")
    _folders(settings)
    if settings.database_url:
        certificates.ensure(settings.tls, settings.mllp_host)
    else:
        cluster.ensure(settings)
    airflow.write(settings)
    supervisor.ensure(settings)
    _repositories(settings, say)
    if services.POSTGRES in wanted:
        supervisor.start(settings, [services.POSTGRES])
    bootstrap.wait(settings)
    bootstrap.ensure(settings)
    metadata = tuple(n for n in ("airflow", "superset") if any(w.startswith(n) for w in wanted))
    for name in migrations.ensure(settings, metadata):
        say(f"the metadata of {name} is up to date")
    started = supervisor.start(settings, wanted)
    if started:
        say(f"started {', '.join(started)}; waiting until all are well")
    _wait(settings, wanted)


def down(settings: Settings, say: Say) -> None:
    """Nothing of this installation runs any more."""
    say("stopped" if supervisor.stop(settings) else "nothing was running")


def clean(settings: Settings, say: Say) -> None:
    """Stop, and remove everything the product wrote.

    :raises WellhouseError: the folder does not look like an installation's.
    """
    down(settings, say)
    if not settings.var.exists():
        return
    if settings.var in (Path.home(), Path("/"), settings.root) or not (settings.var / "secrets").is_dir():
        raise WellhouseError(f"{settings.var} does not look like Wellhouse's folder: remove it yourself")
    shutil.rmtree(settings.var)
    say(f"removed {settings.var}")


def where_to_go(settings: Settings) -> list[str]:
    """Addresses, user names, and the paths of their first passwords."""
    lines = [
        f"Superset  https://localhost:{settings.superset_port}",
        f"Airflow   {airflow.url(settings)}",
        f"The browser trusts both after importing {settings.tls / 'ca.crt'}",
        "First passwords, one file a user; the first sign-in shows a QR code for the second factor:",
    ]
    for file in sorted((settings.var / "secrets").glob("password_*")):
        lines.append(f"  {file.name.removeprefix('password_'):<16} {file}")
    return lines


def _folders(settings: Settings) -> None:
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o755)
    for folder in (settings.inbox, settings.logs, settings.keystore, settings.var / "superset"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _repositories(settings: Settings, say: Say) -> None:
    """Backups can begin; one repository that cannot be reached stops nobody, but is told."""
    if settings.database_url:
        say("backups: PostgreSQL is external, so its backups are its owner's; keystore and files are ours")
        return
    try:
        pgbackrest.stanza_create(settings)
    except WellhouseError as error:
        say(f"BACKUPS DO NOT WORK: {error}")


def _wait(settings: Settings, wanted: tuple[str, ...]) -> None:
    sick: list[health.Service] = []

    def well() -> bool:
        sick[:] = [s for s in health.check(settings, wanted) if not s.healthy]
        dead = [s.name for s in sick if s.state == "FATAL"]
        if dead:
            raise WellhouseError(f"{dead[0]} ended again and again: see {settings.logs / dead[0]}.log")
        return not sick

    try:
        supervisor.wait_until(well, HEALTHY_WITHIN_S, "")
    except WellhouseError as error:
        listed = "; ".join(f"{s.name} ({s.state}, {s.detail}): see {settings.logs / s.name}.log" for s in sick)
        raise WellhouseError(str(error) or f"not well after {HEALTHY_WITHIN_S} s: {listed}") from None


def _load_sample(settings: Settings, say: Say) -> None:
    """Generate the sample into the inbox and run the DAGs over it, once."""
    version = f"{settings.sample_people} people, seed {settings.sample_seed}"
    if not settings.sample_people or stamps.done(settings, "pipeline_ran", version):
        return
    if not stamps.done(settings, "sample_generated", version):
        people, seed = str(settings.sample_people), str(settings.sample_seed)
        inbox = str(settings.inbox)
        _command(
            settings, say, "sample", "--people", people, "--years", "6", "--seed", seed, "--output", inbox,
            "--recordings", inbox,
        )  # fmt: skip
        stamps.put(settings, "sample_generated", version)
    _command(settings, say, "pipeline", "run")
    stamps.put(settings, "pipeline_ran", version)


def _command(settings: Settings, say: Say, *arguments: str) -> None:
    """Run ``wellhouse …`` for this installation, showing what it says."""
    say(f"wellhouse {' '.join(arguments[:2])}")
    environment = services.environment(settings) | services.handed_down(settings)
    done = subprocess.run(
        [services.binaries(settings, "pipeline") / "wellhouse", *arguments],
        cwd=settings.root, env=environment, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise WellhouseError(f"`wellhouse {' '.join(arguments)}` failed: what it said is above")
