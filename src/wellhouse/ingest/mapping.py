"""A mapping says how one layout is read: which header is which field, words, units, what a row becomes. It is data."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from wellhouse.errors import WellhouseError
from wellhouse.ingest import footers
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.footers import Footers

SOURCES = ("exam", "questionnaire", "consultation", "follow_up", "call_recording", "card", "intervention", "care_plan")
FORMATS_OF_THEIR_OWN = ("hl7v2",)
"""Formats whose mappings name fields of the format instead of columns: ``<site>_hl7v2.yaml``, ``hl7v2.yaml``."""
IDENTIFIERS = ("id_number", "mrn")


@dataclass(frozen=True)
class Observation:
    """A column that is one indicator in one unit; ``absent``: codes that stand for no value.

    Several columns are readings of one quantity: their mean counts, and ``otherwise`` when none of them has a value.
    """

    columns: tuple[str, ...]
    indicator: str
    unit: str
    absent: tuple[str, ...] = ()
    otherwise: str | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """All columns it looks at."""
        return (*self.columns, self.otherwise) if self.otherwise else self.columns


@dataclass(frozen=True)
class Answer:
    """A column that answers a question of LIFESTYLE; ``words``: cell → value_text, 1 / 0 for yes / no, None: no answer.

    ``number``: a cell that is no word is a number.
    """

    column: str
    question: str
    words: dict[str, str | int | None]
    number: bool = False


@dataclass(frozen=True)
class Code:
    """What a site's own code or name of an item stands for; ``unit``: of results that come without one."""

    indicator: str
    unit: str = ""


@dataclass(frozen=True)
class Outcome:
    """Time to an event from the date of the exam; ``when``: only rows with these cells, ``observed``: 1 or 0.

    A month is 30.4375 days.
    """

    event: str
    observed: str
    days: str | None
    months: str | None
    when: dict[str, str]


@dataclass(frozen=True)
class Field:
    """A column of the target table; ``kind``: text, date, number, seconds, word or flag."""

    to: str
    role: str
    kind: str
    required: bool
    words: dict[str, str | bool]


@dataclass(frozen=True)
class Mapping:
    """One layout. ``columns``: role → header spellings, best first; ``constants``: role → text for every row.

    ``own_authorities``: assigning authorities and identifier systems whose numbers are the site's own.
    ``fhir_server``: base address of the FHIR server whose patient ids hold from file to file.
    ``key_fields``: roles that tell records with the same number apart, such as the events of one card; ``whole``: the
    column of the key of all that have the number, where they are told together, such as the items of a plan.
    """

    name: str
    version: str
    source: str
    layout: str
    columns: dict[str, tuple[str, ...]]
    constants: dict[str, str]
    words: dict[str, dict[str, str]]
    required: tuple[str, ...]
    ignore: frozenset[str]
    codes: dict[str, Code]
    own_authorities: frozenset[str]
    observations: tuple[Observation, ...] | None
    answers: tuple[Answer, ...]
    outcomes: tuple[Outcome, ...]
    fields: tuple[Field, ...]
    key: str
    whole: str
    key_fields: tuple[str, ...]
    date_offset_days: str | None
    site: str | None = None
    fhir_server: str = ""
    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name of a column or item → the two indicators in one cell of it, such as ``120/80``."""
    date_formats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Role → ``strptime`` formats its dates may have besides those that are read without."""
    footers: Footers = field(default_factory=Footers)

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def dated(self) -> set[str]:
        """The roles that are dates."""
        fields = {field.role for field in self.fields if field.kind == "date"}
        return fields | {role for role in self.columns if role.endswith(("date", "_on"))}

    def find(self, header: list[str]) -> dict[str, int]:
        """Role → place in the header, for the roles that are there."""
        places = {normal_name(text): i for i, text in reversed(list(enumerate(header)))}
        return {
            role: next(places[n] for s in spellings if (n := normal_name(s)) in places)
            for role, spellings in self.columns.items()
            if any(normal_name(s) in places for s in spellings)
        }

    def lacks(self, found: dict[str, int]) -> list[str]:
        """Required roles that neither the header nor a constant gives; at least one identifier is always required."""
        given = set(found) | set(self.constants)
        missing = [role for role in self.required if role not in given]
        if not any(role in given for role in IDENTIFIERS):
            missing.insert(0, "id_number")
        return missing


def read(path: Path) -> Mapping:
    """A mapping file.

    :raises WellhouseError: it is not there, not YAML, or says something that no reader understands.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WellhouseError(f"no mapping file {path}") from None
    except yaml.YAMLError as error:
        raise WellhouseError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    try:
        return _mapping(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WellhouseError(f"{path} is no mapping: {type(error).__name__} at {error}") from None


def choose(root: Path, source: str, site: str | None, form: str = "csv") -> Mapping:
    """The mapping of this site and source, or else the source's own, or the format's."""
    folder = root / "mappings"
    name = form if form in FORMATS_OF_THEIR_OWN and source == "exam" else source
    own = folder / f"{site}_{name}.yaml"
    return read(own if site and own.exists() else folder / f"{name}.yaml")


def again(root: Path, source: str, site: str | None, label: str | None) -> Mapping:
    """The mapping as it is now for a load that ``label`` read: the site's own where there is one by now.

    :raises WellhouseError: it is not among ours
    """
    folder, name = root / "mappings", (label or source).split(" ")[0]
    of = name if name in FORMATS_OF_THEIR_OWN else source
    for stem in (f"{site}_{of}", name):
        if (folder / f"{stem}.yaml").exists():
            return read(folder / f"{stem}.yaml")
    raise WellhouseError(f"the load was read with the mapping `{name}`, which is not in mappings/: say --mapping")


def _mapping(document: MappingType[str, Any]) -> Mapping:
    unknown = set(document) - {
        "name", "version", "source", "layout", "site", "columns", "constants", "words", "required", "ignore",
        "codes", "own_authorities", "fhir_server", "observations", "answers", "outcomes", "fields", "key", "whole",
        "key_fields", "date_offset_days", "description", "pairs", "date_formats", "footers",
    }  # fmt: skip
    if unknown:
        raise ValueError(f"unknown entry {sorted(unknown)[0]}")
    if document["source"] not in SOURCES:
        raise ValueError(f"source {document['source']}")
    observations = document.get("observations")
    return Mapping(
        name=str(document["name"]),
        version=str(document["version"]),
        source=document["source"],
        layout=document.get("layout", "auto"),
        site=document.get("site"),
        columns={role: _spellings(s) for role, s in document.get("columns", {}).items()},
        constants={role: str(v) for role, v in document.get("constants", {}).items()},
        words={role: _inverse(w) for role, w in document.get("words", {}).items()},
        required=tuple(document.get("required", ())),
        ignore=frozenset(normal_name(str(s)) for s in document.get("ignore", ())),
        codes={
            normal_name(str(code)): Code(c["indicator"], str(c.get("unit", "")))
            for code, c in document.get("codes", {}).items()
        },
        fhir_server=str(document.get("fhir_server", "")).rstrip("/"),
        own_authorities=frozenset(map(str, document.get("own_authorities", ()))),
        observations=None if observations is None else tuple(
            Observation(
                _spellings(o["column"]), o["indicator"], str(o["unit"]), tuple(str(a) for a in o.get("absent", ())),
                o.get("otherwise"),
            )
            for o in observations
        ),
        answers=tuple(
            Answer(
                a["column"], a["question"], {str(k): v for k, v in a.get("words", {}).items()}, a.get("number", False)
            )
            for a in document.get("answers", ())
        ),
        outcomes=tuple(
            Outcome(o["event"], o["observed"], o.get("days"), o.get("months"),
                    {k: str(v) for k, v in o.get("when", {}).items()})
            for o in document.get("outcomes", ())
        ),
        fields=tuple(
            Field(
                f["to"], f.get("role", f["to"]), f.get("kind", "text"), f.get("required", False),
                _inverse(f.get("words", {})),
            )
            for f in document.get("fields", ())
        ),
        key=document.get("key", ""),
        whole=document.get("whole", ""),
        key_fields=tuple(document.get("key_fields", ())),
        date_offset_days=document.get("date_offset_days"),
        pairs={normal_name(str(name)): _two(codes) for name, codes in document.get("pairs", {}).items()},
        date_formats={role: _spellings(f) for role, f in document.get("date_formats", {}).items()},
        footers=Footers((*footers.USUAL, *(str(w) for w in document.get("footers", ())))),
    )  # fmt: skip


def _two(value: Any) -> tuple[str, str]:
    first, second = value
    return str(first), str(second)


def _spellings(value: Any) -> tuple[str, ...]:
    return tuple(str(v) for v in value) if isinstance(value, list) else (str(value),)


def _inverse(words: dict[Any, Any]) -> dict[str, Any]:
    """{code: [spellings]} → {normal spelling: code}; YAML's yes/no become text."""
    return {normal_name(str(s)): code for code, spellings in words.items() for s in _list(spellings)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
