"""``wellhouse restore --to TIME --into DIR``, ``restore drill``, ``restore keystore``, ``restore files``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings, settings

app = typer.Typer(help="Bring back the database, the keystore, recordings and originals.", invoke_without_command=True)

Repo = Annotated[int | None, typer.Option(help="1 or 2; unset: the first that can do it.", min=1, max=2)]


@app.callback()
def restore(
    context: typer.Context,
    to: Annotated[str | None, typer.Option(help="A time such as 2026-03-05T14:30:00+08:00, or latest.")] = None,
    into: Annotated[Path | None, typer.Option(help="A new or empty folder: a data directory of PostgreSQL.")] = None,
    repo: Repo = None,
    as_json: AsJson = False,
) -> None:
    """The cluster as it was at a time, in a folder, recovered and stopped."""
    if context.invoked_subcommand:
        return
    if not to or not into:
        raise typer.BadParameter("--to and --into are both needed")
    from wellhouse.ops import restore as work

    done = work.restore(_own(settings()), to, into, repo)
    if as_json:
        print(json.dumps(asdict(done) | {"folder": str(done.folder)}))
    else:
        print(f"{done.folder} is the cluster as of {done.target}, from repository {done.repo}, in {done.seconds} s")


@app.command()
def drill(as_json: AsJson = False) -> None:
    """Restore each repository beside the running cluster and compare every table with what it held."""
    from wellhouse.ops import drill as work

    done = work.run(_own(settings()))
    if as_json:
        print(json.dumps({"drills": [asdict(d) for d in done]}))
    else:
        for d in done:
            result = d.reason or (f"DIFFER: {', '.join(d.mismatched)}" if d.mismatched else "equal")
            print(f"repository {d.repo}: {d.tables} tables, {d.rows} rows as of {d.target}: {result}, {d.seconds} s")
    if any(d.status != "ok" for d in done):
        raise typer.Exit(1)


@app.command()
def keystore(
    into: Annotated[Path, typer.Option(help="The file to write; it must not exist.")], repo: Repo = None
) -> None:
    """The newest copy of the keystore that is whole; every key in it is still wrapped."""
    from wellhouse.ops import copies

    if into.exists():
        raise WellhouseError(f"{into} exists: move it away first")
    found, failed = copies.restore_keystore(settings(), _repositories(repo), into)
    _tell(failed)
    print(f"{into} is the keystore as of {found.name}, from repository {found.repo}")


@app.command("files")
def files_(into: Annotated[Path, typer.Option(help="A folder.")], repo: Repo = None) -> None:
    """Recordings, originals, and files and messages that waited; exit code 1 if one came from no repository."""
    from wellhouse.ops import copies

    done = copies.restore_files(settings(), _repositories(repo), into)
    _tell(done.failed)
    for number, count in sorted(done.counts.items()):
        print(f"{count} files from repository {number} are in {into}")
    if done.missing:
        raise WellhouseError(f"{done.missing} files could be restored from no repository")
    if not done.counts:
        raise WellhouseError("there is no copy of any file in any repository")


def _repositories(repo: int | None) -> tuple[int, ...]:
    from wellhouse.ops import pgbackrest

    return (repo,) if repo else pgbackrest.REPOSITORIES


def _tell(failed: list[str]) -> None:
    for line in failed:
        print(line, file=sys.stderr)


def _own(of: Settings) -> Settings:
    if of.database_url:
        raise WellhouseError("PostgreSQL is external (WELLHOUSE_DATABASE_URL): its owner backs it up and restores it")
    return of
