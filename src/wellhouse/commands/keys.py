"""``wellhouse keys status|rotate``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import typer

from wellhouse.commands.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Status and rotation of keys.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """How many data keys there are, and whether all are wrapped by today's key-encryption key."""
    from wellhouse.crypto.keyring import Keyring
    from wellhouse.settings import settings

    with Keyring.open(settings()) as keyring:
        found = asdict(keyring.status())
    print(json.dumps(found) if as_json else "\n".join(f"{name:<20} {value}" for name, value in found.items()))


@app.command()
def rotate() -> None:
    """Wrap every data key by a new key-encryption key; after another provider was configured: move it there."""
    from wellhouse.crypto.keyring import Keyring
    from wellhouse.ops import copies
    from wellhouse.settings import settings

    with Keyring.open(settings()) as keyring:
        count, status = keyring.rotate(), keyring.status()
    print(f"{count} data keys wrapped anew by {status.kek_id} of the provider {status.provider}")
    if not count and status.provider in ("environment", "credential"):
        print(f"the {status.provider} gave no new key: see the runbook key_rotation")
    for line in copies.renew_keystore(settings()):
        print(line, file=sys.stderr)
