"""What a model declares of itself: ``models/<family>/spec.yml``, one model or several variants of one equation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from models.command import UsageError
from wellhouse.errors import WellhouseError
from wellhouse.settings import settings

Kind = Literal["quantity", "points", "flag", "sex", "choice"]


@dataclass(frozen=True)
class Alternative:
    """Another column that holds the same quantity, as the warehouse names and measures it."""

    column: str
    unit: str
    indicator: str | None = None
    """Code in ``indicator_units.csv``; needed when the unit differs."""


@dataclass(frozen=True)
class Input:
    """One input column. Limits are inclusive unless ``max_exclusive``; outside them a row is not eligible.

    What is not said in ``spec.yml`` is taken from ``models/inputs.yml``, where a quantity is described once.
    """

    name: str
    unit: str
    name_en: str
    name_zh: str
    kind: Kind = "quantity"
    required: bool = True
    required_when: str | None = None
    """Needed only by people of whom this expression over the inputs is true."""
    min: float | None = None
    max: float | None = None
    max_exclusive: bool = False
    values: tuple[str, ...] = ()
    """Of a choice; of points they are whole numbers between the limits."""
    default: str | None = None
    """Of a choice that was not given."""
    setting: str | None = None
    """The setting that holds the default."""
    alternative: Alternative | None = None
    excluded_en: str | None = None
    """Why a flag that is set makes a person not eligible; null: it does not."""
    excluded_zh: str | None = None
    test_en: str | None = None
    """What has to be done to know it: a laboratory test, a measurement, a question."""
    test_zh: str | None = None
    target: float | None = None
    """What a person could bring it to; null: it is not theirs to change."""


@dataclass(frozen=True)
class Category:
    """A class of an output; the first that fits is taken. ``below`` is exclusive, ``up_to`` inclusive."""

    code: str
    name_en: str
    name_zh: str
    below: float | None = None
    up_to: float | None = None
    when: str | None = None
    """Only for people of whom this expression over the inputs is true."""


@dataclass(frozen=True)
class Output:
    """One number; ``unit`` in UCUM, ``1`` for a probability."""

    name: str
    unit: str
    name_en: str
    name_zh: str


@dataclass(frozen=True)
class Derived:
    """An input that another model computes where it was not given."""

    input: str
    model: str


@dataclass(frozen=True)
class Exclusion:
    """People whom the model is not for: those of whom ``when``, an expression over the inputs, is true."""

    when: str
    reason_en: str
    reason_zh: str


@dataclass(frozen=True)
class Followed:
    """The event of ``landing.outcome`` that a risk is of, and by when."""

    event: str
    days: int


@dataclass(frozen=True)
class Spec:
    """One version of one model."""

    model: str
    version: str
    kind: Literal["equation", "survival"]
    name_en: str
    name_zh: str
    source: str
    validity: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    folder: Path
    categories: tuple[Category, ...] = ()
    """Of the first output."""
    one_of: tuple[tuple[str, ...], ...] = ()
    derived: tuple[Derived, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    may_miss: int = 0
    """How many of the inputs that are ``points`` may be missing: the score is then scaled by their mean."""
    daily: bool = True
    """Scored in the daily build; else only from files, as the warehouse does not hold its inputs."""
    yearly: bool = False
    """Scored at the last exam of every year too: its bands are followed over the years."""
    followed: Followed | None = None
    """Of a risk: how it is seen whether it came true."""
    variant: str | None = field(default=None)

    @property
    def family(self) -> str:
        """The folder's name, which its equation has too."""
        return self.folder.name

    @property
    def output(self) -> Output:
        """The first output, which the categories are of."""
        return self.outputs[0]

    @property
    def coefficients_path(self) -> Path:
        return self.folder / "coefficients" / f"v{self.version}.json"

    def coefficients(self) -> Any:
        """The numbers of this version; of a variant, its own."""
        if not self.coefficients_path.is_file():
            raise WellhouseError(
                f"{self.model} has no coefficients yet: run python -m models.fit {self.folder}/spec.yml"
            )
        numbers = json.loads(self.coefficients_path.read_text(encoding="utf-8"))["coefficients"]
        return numbers[self.variant] if self.variant else numbers


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping.

    :raises UsageError: there is no such file.
    :raises WellhouseError: it is not a mapping.
    """
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict):
        raise WellhouseError(f"{path}: not a YAML mapping")
    return document


def load(path: Path) -> list[Spec]:
    """Read a ``spec.yml``: one model, or one for each of its ``variants``.

    :raises WellhouseError: a field is missing, unknown or of the wrong kind; the file is named.
    """
    document = read_yaml(path)
    variants = document.pop("variants", None)
    if variants is None:
        return [_spec(path, document)]
    return [_spec(path, document | own | {"model": name, "variant": name}) for name, own in variants.items()]


def _spec(path: Path, document: Mapping[str, Any]) -> Spec:
    try:
        texts = {
            key: str(document[key]).strip() for key in ("model", "version", "name_en", "name_zh", "source", "validity")
        }
        return Spec(
            **texts,
            kind=document["kind"],
            inputs=tuple(_input(entry) for entry in [*document["inputs"], *document.get("more_inputs", ())]),
            outputs=tuple(Output(**entry) for entry in document["outputs"]),
            categories=tuple(Category(**entry) for entry in document.get("categories", ())),
            one_of=tuple(tuple(group) for group in document.get("one_of", ())),
            derived=tuple(Derived(**entry) for entry in document.get("derived", ())),
            excluded=tuple(Exclusion(**entry) for entry in document.get("excluded", ())),
            may_miss=int(document.get("may_miss", 0)),
            daily=bool(document.get("daily", True)),
            yearly=bool(document.get("yearly", False)),
            followed=Followed(**document["followed"]) if document.get("followed") else None,
            variant=document.get("variant"),
            folder=path.parent,
        )
    except KeyError as error:
        raise WellhouseError(f"{path}: {error.args[0]!r} is missing") from None
    except TypeError as error:
        raise WellhouseError(f"{path}: {str(error).replace('__init__() ', '')}") from None


@cache
def _dictionary() -> Mapping[str, Mapping[str, Any]]:
    """``models/inputs.yml``: what every input is, once."""
    return read_yaml(settings().root / "models" / "inputs.yml")


def _input(entry: Mapping[str, Any] | str) -> Input:
    given = {"name": entry} if isinstance(entry, str) else dict(entry)
    known = {**_dictionary().get(given["name"], {}), **given}
    alternative = known.get("alternative")
    if known.get("setting"):
        known["default"] = getattr(settings(), known["setting"])
    return Input(
        **{
            **known,
            "alternative": Alternative(**alternative) if alternative else None,
            "values": tuple(known.get("values", ())),
        }
    )


@cache
def _known() -> dict[str, Spec]:
    files = sorted((settings().root / "models").glob("*/spec.yml"))
    return dict(sorted((spec.model, spec) for path in files for spec in load(path)))


def find(model: str) -> Spec:
    """The model of that name.

    :raises UsageError: there is none.
    """
    if model not in _known():
        raise UsageError(f"unknown model {model!r}; known: {', '.join(_known())}")
    return _known()[model]


def every() -> list[Spec]:
    """All models, by name."""
    return list(_known().values())
