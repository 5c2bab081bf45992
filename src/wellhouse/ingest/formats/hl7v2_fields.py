"""Fields of HL7 v2 segments: where a path of the mapping points, escapes, and what the data types say as text.

A path is ``OBR-7``, ``OBX-3.2`` or ``PID-3[MR].1``: the repetition (of OBX-3: the coding) whose type or coding system
stands in the brackets; ``[]`` is one that names none. Without a component it is the field as its data type reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

Segment = list[str]
"""Its fields: place n is field n; of MSH the separator itself is field 1."""

_PATH = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,2})(?:\[([^\]]*)\])?(?:\.(\d{1,2}))?")
_FORMATTING = {"br": "\n", "sp": "\n", "sk": " ", "ti": "", "in": "", "fi": "", "nf": "", "ce": "\n"}
_TEN = re.compile(r"[x×*]?10", re.IGNORECASE)
NULL = '""'
"""HL7's word for a value that was deleted."""


@dataclass(frozen=True)
class Marks:
    """The separators of MSH-1 and MSH-2 and the message's encoding."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str = "#"
    encoding: str = "utf-8"

    def plain(self, text: str) -> str:
        """Escapes undone, HL7's null as nothing."""
        if self.escape and self.escape in text:
            text = _escapes(self.escape).sub(lambda match: _unescaped(match, self), text)
        return "" if text == NULL else text

    def escaped(self, text: str) -> str:
        """``text`` as a field: without a separator, when the message has no escape character."""
        marks = {self.escape: "E", self.field: "F", self.component: "S", self.repetition: "R", self.subcomponent: "T"}
        return "".join(
            (f"{self.escape}{marks[c]}{self.escape}" if self.escape else " ") if c in marks else c for c in text
        )

    def component_of(self, text: str, place: int) -> str:
        """Component ``place`` (from 1) of a repetition; its first subcomponent."""
        if self.component in text:
            parts = text.split(self.component)
            text = parts[place - 1] if place <= len(parts) else ""
        elif place > 1:
            return ""
        return text.split(self.subcomponent, 1)[0] if self.subcomponent and self.subcomponent in text else text


def marks(msh: str, encoding: str) -> Marks | None:
    """Those that a message's first segment declares; None when it declares none that could be."""
    field = msh[3:4]
    declared = msh[4:].split(field, 1)[0] if field else ""
    used = field + declared
    if not 2 <= len(declared) <= 5 or len(set(used)) < len(used) or not all(map(_is_mark, used)):
        return None
    component, repetition, escape, subcomponent, truncation, *_ = (*declared, "", "", "", "")
    return Marks(field, component, repetition, escape, subcomponent, truncation or "#", encoding)


def _is_mark(character: str) -> bool:
    return "!" <= character <= "~" and not character.isalnum() and character != '"'


@dataclass(frozen=True)
class Path:
    """One place of the mapping. ``kinds``: None takes the first repetition, else the first of one of these."""

    segment: str
    field: int
    kinds: tuple[str, ...] | None
    component: int | None

    def repetition(self, fields: Segment, of: Marks) -> str:
        """The repetition it points at, raw."""
        text = fields[self.field] if self.field < len(fields) else ""
        if not text or (self.kinds is None and of.repetition not in text):
            return text
        repetitions = text.split(of.repetition) if of.repetition else [text]
        if self.kinds is None:
            return next((r for r in repetitions if r), "")
        if self.segment == "OBX" and self.field == 3:
            return _coding(text, self.kinds, of)
        return next((r for r in repetitions if r and of.component_of(r, 5) in self.kinds), "")


@lru_cache(maxsize=256)
def path(text: str) -> Path:
    """
    :raises ValueError: it is no path
    """
    match = _PATH.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text}, expected an HL7 v2 path such as PID-3[MR].1")
    segment, field, kinds, component = match.groups()
    return Path(
        segment,
        int(field),
        None if kinds is None else tuple(k.strip() for k in kinds.split(",")),
        int(component) if component else None,
    )


def person_name(text: str, of: Marks) -> str:
    """XPN: family and given name; Chinese names without a blank between them."""
    parts = [of.plain(of.component_of(text, place)).strip() for place in (1, 2, 3)]
    family, *given = parts
    if any("\u3400" <= c <= "\u9fff" for c in text):
        return family + "".join(given)
    return " ".join(p for p in (*given, family) if p)


def address(text: str, of: Marks) -> str:
    """XAD: street, other designation, city, province, postal code, country."""
    return ", ".join(p for place in (1, 2, 3, 4, 5, 6) if (p := of.plain(of.component_of(text, place)).strip()))


def phone(text: str, of: Marks) -> str:
    """XTN: the number as one text, or country, area and local number."""
    whole = of.plain(of.component_of(text, 1)) or of.plain(of.component_of(text, 12))
    return whole or "".join(of.plain(of.component_of(text, place)) for place in (5, 6, 7))


def day(text: str, of: Marks) -> str:
    """TS or DTM to the day, as the sender's clock had it."""
    said = of.plain(of.component_of(text, 1)).strip()
    return said[:8] if said[:8].isdigit() else said


def unit(text: str, of: Marks) -> str:
    """CE: the code, of a local coding the text; ``10^9/L`` with the component separator left unescaped is one unit."""
    if of.component not in text:
        return of.plain(text)
    parts = text.split(of.component)
    if _TEN.fullmatch(parts[0].strip()) and parts[1][:1].isdigit():
        return of.plain("^".join(parts[:2]))
    local = len(parts) > 2 and (parts[2] == "L" or parts[2].startswith("99"))
    order = (1, 0, 3, 4) if local else (0, 1, 3, 4)
    return next((said for place in order if place < len(parts) and (said := of.plain(parts[place]).strip())), "")


def value(text: str, kind: str, of: Marks) -> str:
    """OBX-5 by its type in OBX-2."""
    read = VALUES[kind]
    if of.repetition and of.repetition in text:
        between = "\n" if read is _text else "; "
        return between.join(read(part, of) for part in text.split(of.repetition))
    return read(text, of)


def _text(text: str, of: Marks) -> str:
    return of.plain(text)


def _coded(text: str, of: Marks) -> str:
    """CE, CWE: what a reader sees, else the code."""
    if of.component not in text:
        return of.plain(text)
    return next((said for place in (2, 9, 1, 5, 4) if (said := of.plain(of.component_of(text, place)).strip())), "")


def _structured(text: str, of: Marks) -> str:
    """SN: comparator, number, separator or suffix, number."""
    parts = [of.plain(p).strip() for p in text.split(of.component)] if of.component in text else ["", of.plain(text)]
    if parts[0] == "=":
        parts[0] = ""
    return "".join(parts[:4])


VALUES: dict[str, Callable[[str, Marks], str]] = {
    **dict.fromkeys(("NM", "ST", "TX", "FT", "DT", "TM", "TS", "DTM", "IS", "ID", ""), _text),
    **dict.fromkeys(("CE", "CWE", "CNE", "CF"), _coded),
    "SN": _structured,
}
"""The types of OBX-2 that are read; a result without one is taken as its text says."""


def _coding(text: str, systems: tuple[str, ...], of: Marks) -> str:
    """Of a CE with an alternate coding, the triplet of one of these systems."""
    parts = text.split(of.component)
    for first in (0, 3):
        system = parts[first + 2] if first + 2 < len(parts) else ""
        if parts[first : first + 1] != [""] and first < len(parts) and system in systems:
            return of.component.join(parts[first : first + 3])
    return ""


@lru_cache(maxsize=64)
def _escapes(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(f"{mark}([^{mark}]*){mark}")


def _unescaped(match: re.Match[str], of: Marks) -> str:
    inner = match[1]
    known = {
        "F": of.field, "S": of.component, "T": of.subcomponent, "R": of.repetition, "E": of.escape, "P": of.truncation,
        "H": "", "N": "",
    }  # fmt: skip
    if inner in known:
        return known[inner]
    if inner[:1] == "X":
        return _hexadecimal(inner[1:], of.encoding) or match[0]
    if inner[:1] == "." and inner[1:3] in _FORMATTING:
        return _FORMATTING[inner[1:3]]
    return match[0]


def _hexadecimal(digits: str, encoding: str) -> str:
    """Bytes in the message's character set; nothing when they are none, or when a line would come to hold NUL."""
    try:
        text = bytes.fromhex(digits).decode(encoding)
    except (ValueError, LookupError):
        return ""
    return "" if "\0" in text else text
