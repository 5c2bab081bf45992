"""Options that many commands have."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
As = Annotated[
    str | None,
    typer.Option("--as", help="the reader who looks; default: whoever runs this, as os:<login> in the audit"),
]
