"""``wellhouse …``: every DAG task and every make target is one of these commands.

Each command lives in a module of its own under ``wellhouse.commands`` and is imported only when asked for, so
that ``wellhouse --help`` is quick and each environment imports only what it has.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from wellhouse.errors import WellhouseError

COMMANDS = {
    "access": "review who may read what",
    "audit": "verify the audit trail, ask it who saw whom",
    "backup": "back up, list and verify both repositories",
    "certificates": "until when they are good; renew them",
    "dbt": "build a selector of the dbt project and record every model's result",
    "employer": "the key by which reports may name an employer",
    "gate": "check landed rows before they are built on",
    "incident": "an account leaked: whom did it see; lock everybody out, and back",
    "ingest": "load files or folders once",
    "keys": "status and rotation of keys",
    "mapping": "propose and try the mapping of a site's own layout",
    "mllp": "take HL7 v2 messages over the network",
    "monitor": "measure, compare with the rules, tell; metrics for Prometheus",
    "ops": "install, start, stop, look after the services",
    "person": "join two person keys that are one person, part them, look back",
    "pipeline": "run the DAGs and wait for them",
    "quarantine": "list, show and release rejected records",
    "record": "show a record as it came; let old originals go",
    "recording": "listen to a recorded call, audited",
    "report": "send scheduled reports by e-mail",
    "restore": "bring back the cluster as of a time; the restore drill",
    "risk": "list equations and models, score a file",
    "sample": "write the sample population",
    "subject": "rights of the person whom data is about: export, correct, restrict, erase",
    "summaries": "print the health summaries of a site and year",
    "summary": "print one person's health summary",
    "scan": "look for plaintext on every disk surface",
    "superset": "deploy dashboards, datasets, roles and row rules",
    "survival": "fit and evaluate survival models",
    "user": "add, grant, revoke and list readers",
}


DRIVERS = ("psycopg", "adbc_driver_manager")


class LazyGroup(TyperGroup):
    """Commands by name; a module is imported when its command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(f"wellhouse.commands.{name}").app)
        command.short_help = COMMANDS[name]
        command.name = name
        return command


main = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@main.callback()
def _wellhouse() -> None:
    """Wellhouse: the analytics warehouse of a health-management centre."""


def app() -> None:
    """Run the command line; a :class:`WellhouseError` is one line on standard error and exit code 1, and so is what a
    database driver says: its own words may carry a row, so only the kind of it is told."""
    try:
        main()
    except WellhouseError as error:
        print(f"wellhouse: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if not type(error).__module__.startswith(DRIVERS):
            raise
        kind = type(error).__name__
        print(f"wellhouse: the database did not do it ({kind}): is it up? `make status`", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    app()
