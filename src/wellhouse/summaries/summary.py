"""One summary from beginning to end: collected, worded, set, locked if asked for, written for its owner only."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from pathlib import Path

from wellhouse import files
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.summaries.collect import collect, of_subject
from wellhouse.summaries.document import document
from wellhouse.summaries.render import Renderer
from wellhouse.summaries.wording import Language, wording


def folder(settings: Settings) -> Path:
    """Template, words and layout."""
    return settings.root / "dashboards" / "summaries"


def summary(settings: Settings, person_key: int, language: Language, username: str) -> bytes:
    """The PDF of one person's health summary as ``username`` may see it.

    :raises WellhouseError: see :func:`wellhouse.summaries.collect.collect` and :class:`Renderer`.
    """
    # fonts first: nobody's data is read for a page that cannot be set
    renderer = _renderer(folder(settings))
    facts = collect(settings, person_key, username)
    return renderer.pdf(document(facts, wording(folder(settings), language)), facts.built_at)


def summary_of_subject(settings: Settings, person_key: int, language: Language, who: str) -> bytes | None:
    """The same for the person themselves, who asked for what is known of them; None: no exam was built yet."""
    renderer = _renderer(folder(settings))
    facts = of_subject(settings, person_key, who)
    if facts is None:
        return None
    return renderer.pdf(document(facts, wording(folder(settings), language)), facts.built_at)


@lru_cache
def _renderer(template: Path) -> Renderer:
    """One a process: reading the fonts takes longer than a summary does."""
    return Renderer(template)


def pages(pdf: bytes) -> int:
    """How many pages an unlocked PDF of ours has: typst leaves their dictionaries uncompressed."""
    return len(re.findall(rb"/Type */Page\b", pdf))


def locked(pdf: bytes, password: str) -> bytes:
    """The same pages under AES-256 (ISO 32000-2); no longer PDF/A, which knows no encryption."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.encrypt(user_password=password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def read_password(file: Path) -> str:
    """The first line of ``file``.

    :raises WellhouseError: the file cannot be read or its first line is empty.
    """
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise WellhouseError(f"the password file {file} cannot be read: {error.strerror}") from None
    if not lines or not lines[0]:
        raise WellhouseError(f"the first line of the password file {file} is empty")
    return lines[0]


def write(pdf: bytes, file: Path) -> None:
    """``file`` appears complete or not at all, readable by its owner only.

    :raises WellhouseError: the folder is not there or not writable.
    """
    try:
        files.replace(file, pdf)
    except OSError as error:
        raise WellhouseError(f"{file} cannot be written: {error.strerror}") from None
