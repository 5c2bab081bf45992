"""``wellhouse scan``: is anything of these texts in clear on disk?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson

app = typer.Typer()


@app.command()
def scan(
    canaries: Annotated[Path, typer.Argument(help="a text a line; it is known by the number of its line")],
    folders: Annotated[list[Path] | None, typer.Argument(help="where to look; default: everything under var")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for plaintext on every disk surface the product writes; exits 1 on any, or on a file it could not read."""
    from wellhouse.ops import bootstrap
    from wellhouse.ops.canaries import read
    from wellhouse.ops.scan import Scanner
    from wellhouse.settings import settings

    of = settings()
    scanner = Scanner(read(canaries))
    if not folders:
        bootstrap.flush(of)
    for folder in folders or [of.var]:
        scanner.folder(folder, but=canaries)
    found = scanner.found
    if as_json:
        print(json.dumps(found.document()))
    else:
        for hit in found.hits:
            print(f"canary {hit.canary_id:>6} at {hit.offset:>12} in {hit.path}")
        for path in found.unreadable:
            print(f"could not be read: {path}")
        print(f"{found.files} files, {found.bytes:,} bytes, {found.streams} streams inside: {len(found.hits)} hits")
    if found.hits or found.unreadable:
        raise typer.Exit(1)
