"""What a model declares of itself: ``models/<name>/spec.yml``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from models.command import UsageError
from wellhouse.errors import WellhouseError
from wellhouse.settings import settings

Kind = Literal["quantity", "flag", "sex"]


@dataclass(frozen=True)
class Alternative:
    """Another column that holds the same quantity, as the warehouse names and measures it."""

    column: str
    unit: str
    indicator: str | None = None
    """Code in ``indicator_units.csv``; needed when the unit differs."""


@dataclass(frozen=True)
class Input:
    """One input column. Limits are inclusive unless ``max_exclusive``; outside them a row is not eligible."""

    name: str
    unit: str
    name_en: str
    name_zh: str
    kind: Kind = "quantity"
    required: bool = True
    min: float | None = None
    max: float | None = None
    max_exclusive: bool = False
    alternative: Alternative | None = None
    excluded_en: str | None = None
    """Why a flag that is set makes a person not eligible; null: it does not."""
    excluded_zh: str | None = None


@dataclass(frozen=True)
class Output:
    """One number; ``unit`` in UCUM, ``1`` for a probability."""

    name: str
    unit: str
    name_en: str
    name_zh: str


@dataclass(frozen=True)
class Category:
    """A class of the output; the first that fits is taken. ``below`` is exclusive, ``up_to`` inclusive."""

    code: str
    name_en: str
    name_zh: str
    below: float | None = None
    up_to: float | None = None
    when: str | None = None
    """Only for people of whom this expression over the inputs is true."""


@dataclass(frozen=True)
class Derived:
    """An input that another model computes where it was not given."""

    input: str
    model: str


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
    categories: tuple[Category, ...]
    one_of: tuple[tuple[str, ...], ...]
    derived: tuple[Derived, ...]
    folder: Path

    @property
    def output(self) -> Output:
        """Every model of today computes one number."""
        return self.outputs[0]

    @property
    def coefficients_path(self) -> Path:
        return self.folder / "coefficients" / f"v{self.version}.json"

    def coefficients(self) -> Any:
        """The numbers of this version, as in its JSON file."""
        if not self.coefficients_path.is_file():
            raise WellhouseError(
                f"{self.model} has no coefficients yet: run python -m models.fit {self.folder}/spec.yml"
            )
        return json.loads(self.coefficients_path.read_text(encoding="utf-8"))


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


def load(path: Path) -> Spec:
    """Read a ``spec.yml``.

    :raises WellhouseError: a field is missing, unknown or of the wrong kind; the file is named.
    """
    document = read_yaml(path)
    try:
        return Spec(
            **{
                key: str(document[key]).strip()
                for key in ("model", "version", "name_en", "name_zh", "source", "validity")
            },
            kind=document["kind"],
            inputs=tuple(_input(entry) for entry in document["inputs"]),
            outputs=tuple(Output(**entry) for entry in document["outputs"]),
            categories=tuple(Category(**entry) for entry in document.get("categories", ())),
            one_of=tuple(tuple(group) for group in document.get("one_of", ())),
            derived=tuple(Derived(**entry) for entry in document.get("derived", ())),
            folder=path.parent,
        )
    except KeyError as error:
        raise WellhouseError(f"{path}: {error.args[0]!r} is missing") from None
    except TypeError as error:
        raise WellhouseError(f"{path}: {str(error).replace('__init__() ', '')}") from None


def _input(entry: Mapping[str, Any]) -> Input:
    alternative = entry.get("alternative")
    return Input(**{**entry, "alternative": Alternative(**alternative) if alternative else None})


def paths() -> dict[str, Path]:
    """The ``spec.yml`` of every model, by the model's name."""
    return {path.parent.name: path for path in sorted((settings().root / "models").glob("*/spec.yml"))}


def find(model: str) -> Spec:
    """The model of that name.

    :raises UsageError: there is none.
    """
    if model not in paths():
        raise UsageError(f"unknown model {model!r}; known: {', '.join(paths())}")
    return load(paths()[model])


def every() -> list[Spec]:
    """All models, by name."""
    return [load(path) for path in paths().values()]
