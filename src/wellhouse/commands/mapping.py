"""``wellhouse mapping suggest|check``: describe a site's own layout without loading anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.errors import WellhouseError

app = typer.Typer(no_args_is_help=True, help="Propose and try the mapping of a site's own layout; nothing is loaded.")
TheFile = Annotated[Path, typer.Argument(help="a file as the site sends it")]
Site = Annotated[str | None, typer.Option(help="the site it comes from")]


@app.command()
def suggest(
    file: TheFile,
    source: Annotated[str | None, typer.Option(help="what it holds: exam, questionnaire, …; default: found")] = None,
    site: Site = None,
    as_json: AsJson = False,
) -> None:
    """A mapping for FILE as YAML, and what each local item could be, by name, unit and distribution."""
    from wellhouse.ingest import mapping as mappings
    from wellhouse.ingest import suggest as suggestions
    from wellhouse.ingest.sniff import Unreadable
    from wellhouse.settings import settings

    if source is not None and source not in mappings.SOURCES:
        raise typer.BadParameter(f"one of: {', '.join(mappings.SOURCES)}", param_hint="--source")
    try:
        found = suggestions.suggest(settings().root, _there(file), source, site)
    except Unreadable as error:
        raise WellhouseError(f"{file.name}: {error.reason}, expected {error.expected}") from None
    print(json.dumps(found.report(), ensure_ascii=False) if as_json else found.text())


@app.command()
def check(
    file: TheFile,
    mapping: Annotated[Path | None, typer.Option(help="a mapping file; default: the one that loading takes")] = None,
    source: Annotated[str | None, typer.Option(help="what it holds; default: what the mapping says, or exam")] = None,
    site: Site = None,
    as_json: AsJson = False,
) -> None:
    """What of FILE would be rejected, and why. Nothing is loaded and the database is not asked."""
    from wellhouse.ingest import check as checks
    from wellhouse.ingest import formats
    from wellhouse.ingest import mapping as mappings
    from wellhouse.settings import settings

    root = settings().root
    form = formats.detect(_there(file))
    chosen = mappings.read(mapping) if mapping else mappings.choose(root, source or "exam", site, form)
    found = checks.check(root, file, chosen, site or chosen.site or "check").report()
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    rows, observations = found["rows"], found["observations"]
    print(f"{file.name}: {found['format']}, read with mapping {found['mapping']}")
    for name, counts in (("records", rows), ("observations", observations)):
        print(f"{name}: {counts['read']} read, {counts['loaded']} would load, {counts['quarantined']} would not")
    for note in found["notes"]:
        print(note)
    for each in found["reasons"]:
        place = f"field {each['field']}" if each["field"] else "record"
        rows_said = f" (row {', '.join(map(str, each['rows']))})" if each["rows"] else ""
        print(f"{each['count']:>8} x {each['reason']}, {place}: expected {each['expected']}{rows_said}")


def _there(file: Path) -> Path:
    from wellhouse.ingest import archive

    if not file.is_file():
        raise WellhouseError(f"no file {file}")
    if archive.is_archive(file):
        raise WellhouseError(f"{file.name} is an archive: unpack it and name one of its files")
    return file
