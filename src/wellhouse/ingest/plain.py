"""A cell's text without what says nothing: the width of its letters, invisible characters, a spreadsheet's guards."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

_INVISIBLE = dict.fromkeys(
    map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
)
"""Soft hyphens, joiners, marks of direction: what is copied from a web page or an address book brings them."""
GUARD = b'="'
"""How ``="00123"`` begins, which keeps a spreadsheet from reading a text as a number."""
_GUARDED = r'(?s)^\s*="(.*)"\s*$'


def plain(text: str) -> str:
    """Half width, without invisible characters, surrounding blanks and a leading apostrophe."""
    if not text.isascii():  # else there is nothing wide or invisible in it, and most texts are
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    return text.strip().lstrip("'’‘`").strip()


def unguarded(cell: str) -> str:
    """The text of ``="text"``; any other as it is."""
    return re.sub(_GUARDED, r"\1", cell)


def all_unguarded(table: pa.Table) -> pa.Table:
    """The same for every cell of a table of texts."""
    columns = [pc.replace_substring_regex(column, _GUARDED, r"\1") for column in table.columns]
    return pa.table(columns, names=table.column_names)
