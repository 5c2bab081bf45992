"""``wellhouse summary PERSON``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


class Language(StrEnum):
    zh = "zh"
    en = "en"


@app.command()
def summary(
    person: Annotated[int, typer.Argument(help="person_key")],
    output: Annotated[Path, typer.Option(help="the PDF to write")],
    username: Annotated[
        str, typer.Option("--as", help="whose rights: a reader of `wellhouse user list`; there is no default")
    ],
    lang: Annotated[Language, typer.Option(help="zh or en")] = Language.zh,
    password_file: Annotated[
        Path | None, typer.Option(help="lock the PDF (AES-256) with the first line of this file")
    ] = None,
) -> None:
    """Print one person's health summary with a reader's own rights.

    A health manager gets it with the person's name, an analyst under the person's code; either is audited. Whom the
    reader is not cleared for is not there.
    """
    from wellhouse.settings import settings
    from wellhouse.summaries import summary as summaries

    # refused before anything of anybody is read
    password = summaries.read_password(password_file) if password_file else None
    pdf = summaries.summary(settings(), person, lang.value, username)
    summaries.write(summaries.locked(pdf, password) if password else pdf, output)
    print(f"{output}: {len(pdf) // 1024} KB{', locked' if password else ''}")
