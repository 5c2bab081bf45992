"""``wellhouse recording save``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Recorded calls: listen to one.")


@app.callback()
def _recording() -> None:
    """Recorded calls."""


@app.command()
def save(
    recording: Annotated[int, typer.Argument(help="recording_key, as fct_call_recording has it")],
    output: Annotated[Path, typer.Option("--output", help="where to write the audio, in clear, for its reader only")],
    username: Annotated[str, typer.Option("--as", help="a health manager of the recording's site")],
    purpose: Annotated[str, typer.Option("--purpose", help="why you listen; kept in the audit trail")],
) -> None:
    """Write one recording's audio in clear, with the reader's own rights. It is audited first."""
    from wellhouse import files
    from wellhouse.access import recordings
    from wellhouse.settings import settings

    files.replace(output, b"".join(recordings.play(settings(), recording, username, purpose)))
