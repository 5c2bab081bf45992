"""Propose a mapping for a file that no mapping knows: from its header, its cells, the distributions of its results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from wellhouse.errors import WellhouseError
from wellhouse.ingest import candidates, columns, dictionary, formats, header, identity
from wellhouse.ingest import mapping as mappings
from wellhouse.ingest.batch import each, groups
from wellhouse.ingest.candidates import Item
from wellhouse.ingest.columns import Column
from wellhouse.ingest.dates import parse_date
from wellhouse.ingest.dictionary import Dictionary, normal_name
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping

RECORDS = 100_000
"""The records that are looked at."""

_NUMBER_OF_A_PERSON = re.compile(r"1[3-9]\d{9}|\d{15}|\d{17}[\dXx]")


@dataclass(frozen=True)
class Suggestion:
    """A proposal. ``document``: a whole mapping, the source's own with what this file needs changed."""

    source: str
    layout: str
    records: int
    columns: list[Column]
    items: list[Item]
    document: dict[str, Any]

    def text(self) -> str:
        """The mapping as YAML; above it, as comments, what was seen in the file."""
        lines = [
            f"# From the first {self.records:,} records. Look at every line before you use it.",
            *_table(self.items),
        ]
        unknown = [c.header for c in self.columns if not c.by]
        if unknown:
            lines.append(f"# Not understood, so not read: {', '.join(unknown)}")
        body = yaml.safe_dump(self.document, allow_unicode=True, sort_keys=False, default_flow_style=None, width=120)
        return "\n".join([*lines, body])

    def report(self) -> dict[str, Any]:
        """For a program; no cell of the file is in it but the names of its columns and items."""
        return {
            "source": self.source,
            "layout": self.layout,
            "records": self.records,
            "columns": [{"header": c.header, "role": c.role, "by": c.by} for c in self.columns],
            "codes": [
                asdict(i)
                | {"chosen": i.chosen.indicator if i.chosen else None, "quantile_levels": candidates.QUANTILES}
                for i in self.items
            ],
            "mapping": self.document,
        }


def suggest(root: Path, path: Path, source: str | None, site: str | None, form: str = "auto") -> Suggestion:
    """
    :param source: what the file holds; None: found by its header
    :raises WellhouseError: no header of any source was found
    :raises sniff.Unreadable: the file as a whole cannot be read
    """
    known = dictionary.load(root)
    form = formats.detect(path) if form == "auto" else form
    if form == "fhir":
        return _of_fhir(root, path, known, site)
    sources = [source] if source else [s for s in mappings.SOURCES if (root / "mappings" / f"{s}.yaml").exists()]
    own = _closest(root, path, form, sources, known)
    found, table = _first_records(path, form, columns.Open.of(own, known))
    if _is_a_record(found.names):
        raise WellhouseError(f"{path.name}: its first row is a record, expected the names of the columns: add a header")
    described = columns.describe(header.under(list(found.names), own), table, own, known)
    places = {c.role: c.place for c in described if c.role}
    long = not {"item", "item_code"}.isdisjoint(places) and own.source == "exam"
    items: list[Item] = []
    if own.source == "exam":
        items = (
            _long_items(root, known, table, places, own) if long else _wide_items(root, known, table, described, own)
        )
        described = described if long else _with_results(described, items, known)
    layout = ("long" if long else "wide") if own.source == "exam" else ""
    document = _document(root, own, described, items, site, known)
    return Suggestion(own.source, layout, table.num_rows, described, items, document)


def _of_fhir(root: Path, path: Path, known: Dictionary, site: str | None) -> Suggestion:
    """FHIR says itself what is what: only the codes of its results may need a word."""
    own = formats.adapted("fhir", mappings.read(root / "mappings" / "exam.yaml"))
    found, table = _first_records(path, "fhir", own)
    roles = {place: role for role, place in found.places.items()}
    described = [Column(place, name, roles[place], "header") for place, name in enumerate(found.names)]
    items = _long_items(root, known, table, found.places, own)
    document: dict[str, Any] = {"name": f"{site}_exam" if site else "exam", "version": 1, "source": "exam"}
    if site:
        document["site"] = site
    document |= {"layout": "long", "codes": _codes(items)}
    return Suggestion("exam", "long", table.num_rows, described, items, document)


def _closest(root: Path, path: Path, form: str, sources: Sequence[str], known: Dictionary) -> Mapping:
    """The source's own mapping that finds the most of this file's columns."""
    best: tuple[int, Mapping] | None = None
    for source in sources:
        own = mappings.read(root / "mappings" / f"{source}.yaml")
        opened = columns.Open.of(own, known)
        with formats.open_source(path, form, opened) as found:
            score = opened.score(found.header.places)
        if best is None or score > best[0]:
            best = score, own
    if best is None or (best[0] < 1 and len(sources) > 1):
        raise WellhouseError(f"{path.name}: no header of any source was found; say --source")
    return best[1]


def _first_records(path: Path, form: str, mapping: Mapping) -> tuple[Header, pa.Table]:
    parts: list[pa.Table] = []
    rows = 0
    with formats.open_source(path, form, mapping) as source:
        found = source.header
        for piece in source.pieces(set(range(len(found.names)))):
            parts.append(piece.table.slice(0, RECORDS - rows))
            rows += parts[-1].num_rows
            if rows >= RECORDS:
                break
    if not rows:
        raise WellhouseError(f"{path.name}: no records to look at")
    return found, pa.concat_tables(parts).combine_chunks()


def _is_a_record(names: Sequence[str]) -> bool:
    """Whether a header has an ID number, a phone number or a day among its names: it is a person's row then."""
    return any(
        parse_date(name) is not None or _NUMBER_OF_A_PERSON.fullmatch(identity.clean(name)) is not None
        for name in names
    )


def _wide_items(root: Path, known: Dictionary, table: pa.Table, described: list[Column], own: Mapping) -> list[Item]:
    """Every column that is no role: most of its cells are results, or its name is an indicator's."""
    items: list[Item] = []
    for column in described:
        if column.role or column.by == "ignored":
            continue
        name, unit = known.header(column.header)
        if normal_name(name) in own.pairs:
            continue
        made = candidates.item(known, root, "", name, unit, _texts(table, column.place))
        if made.known or made.numeric + made.words >= 0.8:
            items.append(made)
    return items


def _with_results(described: list[Column], items: list[Item], known: Dictionary) -> list[Column]:
    """The columns, those that are an item's known as such."""
    names = {normal_name(item.name) for item in items if item.chosen}
    return [
        replace(column, by="results")
        if not column.role and not column.by and normal_name(known.header(column.header)[0]) in names
        else column
        for column in described
    ]


def _long_items(root: Path, known: Dictionary, table: pa.Table, places: dict[str, int], own: Mapping) -> list[Item]:
    """Every distinct (code, name, unit)."""
    size = table.num_rows
    blank = pa.array([""] * size)
    said = [each(_texts(table, places[r]) if r in places else blank, str.strip) for r in ("item_code", "item", "unit")]
    first, group = groups(*(index for _, index in said))
    value = _texts(table, places["value"]) if "value" in places else blank
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(len(first) + 1))
    items: list[Item] = []
    for g, row in enumerate(first.tolist()):
        code, name, unit = (texts[index[row]] for texts, index in said)
        bare, bracketed = known.header(name)
        if normal_name(bare) in own.pairs:
            continue
        cells = value.take(pa.array(order[edges[g] : edges[g + 1]]))
        items.append(candidates.item(known, root, code, bare, unit or bracketed, cells))
    return items


def _texts(table: pa.Table, place: int) -> pa.Array:
    column = table.column(str(place))
    return column.chunk(0) if column.num_chunks else pa.array([], pa.string())


def _document(
    root: Path, own: Mapping, described: list[Column], items: list[Item], site: str | None, known: Dictionary
) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((root / "mappings" / f"{own.source}.yaml").read_text(encoding="utf-8"))
    document |= {"name": f"{site}_{own.source}" if site else own.source, "version": 1}
    if site:
        document["site"] = site
    found = {c.role: c.header for c in described if c.role}
    document["columns"] = {role: [found[role]] for role in own.columns if role in found}
    dated = {c.role: list(c.date_formats) for c in described if c.date_formats}
    if dated:
        document["date_formats"] = dated
    if codes := _codes(items):
        document["codes"] = codes
    names = {normal_name(i.name) for i in items}
    unread = [c.header for c in described if not c.role and not c.by]
    left = [header for header in unread if normal_name(known.header(header)[0]) not in names]
    if own.source == "exam":
        document["ignore"] = [*(c.header for c in described if c.by == "ignored"), *left]
    return document


def _codes(items: list[Item]) -> dict[str, dict[str, str]]:
    return {
        (i.code or i.name): {"indicator": i.chosen.indicator, "unit": i.chosen.unit}
        for i in items if i.chosen and (not i.known or not i.unit)
    }  # fmt: skip


def _table(items: list[Item]) -> list[str]:
    """One line an item, and one for each candidate below it."""
    lines: list[str] = []
    for i in items:
        spread = " ".join(f"{q:g}" for q in i.quantiles) or f"{i.words:.0%} words"
        lines.append(
            f"# {' '.join(filter(None, (i.code, i.name)))} [{i.unit or 'no unit'}]: {i.count} results, {spread}"
        )
        for c in i.candidates:
            low, high = ("" if x is None else f"{x:g}" for x in c.reference)
            mark = "=>" if c is i.chosen else "  "
            lines.append(
                f"#   {mark} {c.indicator} {c.name} in {c.unit}: {c.inside:.0%} plausible, {c.usual:.0%} within "
                f"{low}..{high} {c.canonical_unit}, name {c.similarity:.0%} alike"
            )
        if not i.candidates:
            lines.append("#      nothing like it in the dictionary: give it a code, or ignore it")
    return (
        [f"# Results at {', '.join(f'{q:.0%}' for q in candidates.QUANTILES)} of their order:", *lines] if items else []
    )
