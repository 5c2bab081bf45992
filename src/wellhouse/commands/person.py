"""``wellhouse person merge|unmerge|correct|log``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Two person keys that are one person: join, part, look back.")
Purpose = Annotated[str, typer.Option("--purpose", help="how it is known; kept in the log and the audit trail")]


@app.command()
def merge(
    kept: Annotated[int, typer.Argument(help="person_key that stays")],
    gone: Annotated[int, typer.Argument(help="person_key that becomes it")],
    purpose: Purpose,
    as_json: AsJson = False,
) -> None:
    """Join two person keys. Refused when what is known says that they are two people. The next build shows it."""
    from wellhouse.landing import merges
    from wellhouse.settings import settings

    done = merges.merge(settings(), kept, gone, purpose)
    print(json.dumps(done.document()) if as_json else f"merge {done.merge_id}: {done.rows} records moved")


@app.command()
def unmerge(
    merge_id: Annotated[int, typer.Argument(help="the merge's number, as `wellhouse person log` shows it")],
    purpose: Purpose,
    as_json: AsJson = False,
) -> None:
    """Part what was joined. Loads that named the person since then are read again, so that each gets their own."""
    from wellhouse.ingest.file import Ingest
    from wellhouse.ingest.release import reread
    from wellhouse.landing import merges
    from wellhouse.settings import settings

    of = settings()
    done, loads = merges.unmerge(of, merge_id, purpose)
    with Ingest(of) as ingest:
        for load in loads:
            reread(ingest, load)
    resealed = merges.reseal_recordings(of, done)
    said = f"merge {done.merge_id} parted: {done.rows} records moved back, {len(loads)} loads read again"
    if as_json:
        print(json.dumps(done.document() | {"loads": loads, "recordings": resealed}))
    else:
        print(f"{said}, {resealed} recordings under another key")


@app.command()
def correct(
    person: Annotated[int, typer.Argument(help="person_key")],
    fact: Annotated[list[str], typer.Option("--fact", help="name, birth_date or sex; as often as needed")],
    purpose: Purpose,
) -> None:
    """Let the next record's word on a fact count: a new name, a wrong first record. Then release what waits."""
    from wellhouse.landing import merges
    from wellhouse.settings import settings

    merges.correct(settings(), person, fact, purpose)
    print(f"{', '.join(fact)}: the next record of person {person} decides")


@app.command()
def log(
    person: Annotated[int | None, typer.Option("--person", help="person_key; default: everybody")] = None,
    as_json: AsJson = False,
) -> None:
    """Who was joined with whom, when, why, and whether it still stands. No name, no number of a person."""
    from wellhouse.landing import merges
    from wellhouse.settings import settings

    found = merges.log(settings(), person)
    if as_json:
        print(json.dumps([each.document() for each in found]))
        return
    for each in found:
        state = "stands" if each.unmerged_at is None else f"parted {each.unmerged_at:%Y-%m-%d}"
        who = f"{each.gone_key} is {each.kept_key}"
        print(f"{each.merge_id:>6}  {each.merged_at:%Y-%m-%d}  {who:<36}  {state:<18}  {each.purpose}")
