"""Two indicators in one cell, such as a blood pressure of 120/80: a mapping's ``pairs`` names them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa

from wellhouse.ingest import values
from wellhouse.ingest.batch import Layout, each
from wellhouse.ingest.dictionary import Dictionary, normal_name
from wellhouse.ingest.formats import Piece
from wellhouse.ingest.plain import plain
from wellhouse.ingest.values import Kind

_RESULT = r"\s*([<>≤≥]?\s*\d+(?:\.\d+)?)\s*"
_PAIR = re.compile(rf"{_RESULT}/{_RESULT}(?![\d./])(.*)", re.DOTALL)


def halves(text: str) -> tuple[str, str]:
    """The two results of a cell, a unit or flag with both; not done is not done twice, all else twice no number."""
    match = _PAIR.fullmatch(plain(text))
    if match:
        return match[1] + match[3], match[2] + match[3]
    if values.parse_text(text).kind in (Kind.ABSENT, Kind.NOTHING):
        return text, text
    # a lone number could be either: with a slash behind it reads as none
    return f"{text}/", f"{text}/"


def half(cells: pa.Array, part: int) -> pa.Array:
    """The first (0) or second (1) result of each cell."""
    found, index = each(cells, halves)
    return pa.array([pair[part] for pair in found], pa.string()).take(pa.array(index))


def spread(piece: Piece, layout: Layout, dictionary: Dictionary) -> Piece:
    """A long piece in which each result of two indicators is two rows of its record."""
    pairs = layout.mapping.pairs
    if not pairs or not len(piece.good) or "item" not in layout.places or len(piece.told):
        return piece
    names = piece.table.column(str(layout.places["item"])).combine_chunks()
    found, index = each(names, lambda name: _pair(name, pairs, dictionary))
    several = np.array([pair is not None for pair in found], bool)[index]
    if not several.any():
        return piece
    row = np.repeat(np.arange(len(index)), 1 + several)
    second = np.r_[False, row[1:] == row[:-1]]
    table = piece.table.take(pa.array(row))
    item = [found[i][int(s)] if found[i] is not None else None for i, s in zip(index[row], second, strict=True)]
    named = pa.array(item, pa.string())
    value = table.column(str(layout.places["value"])).combine_chunks()
    parts = pa.compute.if_else(pa.array(second), half(value, 1), half(value, 0))
    of_pair = named.is_valid()
    table = _with(table, layout.places["item"], pa.compute.coalesce(named, names.take(pa.array(row))))
    table = _with(table, layout.places["value"], pa.compute.if_else(of_pair, parts, value))
    if "item_code" in layout.places:
        codes = table.column(str(layout.places["item_code"])).combine_chunks()
        table = _with(table, layout.places["item_code"], pa.compute.if_else(of_pair, "", codes))
    refused = [(int(np.searchsorted(row, place)), role, why, what) for place, role, why, what in piece.refused]
    return replace(piece, table=table, good=piece.good[row], refused=refused)


def _pair(name: str, pairs: dict[str, tuple[str, str]], dictionary: Dictionary) -> tuple[str, str] | None:
    """The names of the two items, each with the unit that the pair's own name has in brackets."""
    bare, unit = dictionary.header(name)
    pair = pairs.get(normal_name(name)) or pairs.get(normal_name(bare))
    if pair is None or not unit:
        return pair
    return f"{pair[0]}({unit})", f"{pair[1]}({unit})"


def _with(table: pa.Table, place: int, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(str(place)), str(place), column)
