"""Set a document as PDF/A-2b with typst; the same document and time give the same bytes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from threading import local
from typing import Any

import typst

from wellhouse.errors import UnavailableError

FONTS = Path("/usr/share/fonts/opentype/noto")
FAMILY = "Noto Sans CJK SC"
TEMPLATE = "health_summary.typ"


class Renderer:
    """The template and its fonts, read once; make one and reuse it, from as many threads as there are cores."""

    def __init__(self, folder: Path, fonts: Path = FONTS, template: str = TEMPLATE) -> None:
        """:param folder: where the template is

        :raises UnavailableError: the font is not installed.
        """
        found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[fonts])
        if FAMILY not in found.families():
            raise UnavailableError(f"the font {FAMILY} is not in {fonts}: install the package fonts-noto-cjk")
        # the document comes as a file in memory: as one of typst's inputs it would be part of everything that typst
        # remembers, and what is the same for all people would be set again for each
        self._folder, self._fonts = folder, found
        self._main = {"main.typ": f'#include "{template}"'.encode()}
        self._own = local()  # a compiler sets one document at a time, and lets other threads run meanwhile

    def pdf(self, document: dict[str, Any], created: dt.datetime) -> bytes:
        """The PDF's bytes.

        :param created: the time that the PDF says it was made
        :raises UnavailableError: the template does not compile, or the font lacks a character of the document.
        """
        files = self._main | {"document.json": json.dumps(document, ensure_ascii=False).encode()}
        try:
            pdf = self._compiler().compile(
                files,  # type: ignore[type-var]  # typst takes a folder in memory, which its hints leave out
                format="pdf", pdf_standards="a-2b", timestamp=int(created.timestamp()),
            )  # fmt: skip
        except typst.TypstError as error:
            raise UnavailableError(_explain(error)) from None
        assert isinstance(pdf, bytes)
        return pdf

    def _compiler(self) -> typst.Compiler:
        if not hasattr(self._own, "compiler"):
            self._own.compiler = typst.Compiler(
                self._main,  # type: ignore[type-var]  # as above
                root=self._folder, font_paths=self._fonts, ignore_system_fonts=True,
            )  # fmt: skip
        compiler: typst.Compiler = self._own.compiler
        return compiler


def _explain(error: typst.TypstError) -> str:
    """Without typst's excerpt, which would show a character of a name."""
    if "could not be displayed" in error.message or "glyph" in error.message:
        return "the summary has a character that the font lacks"
    return f"the template does not compile: {error.message}"
