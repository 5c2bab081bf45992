"""How a survival model is fitted: the ``fit`` part of a ``spec.yml``, or a small YAML file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from models.spec import read_yaml
from wellhouse.errors import WellhouseError

KNOWN = {
    "data", "filter", "duration", "event", "censor_at", "horizon", "time_unit", "transforms", "covariates", "missing",
    "imputations", "folds", "seed",
}  # fmt: skip


@dataclass(frozen=True)
class FitSpec:
    """Expressions are those of ``models.expressions``, over the CSV's columns and the transforms before."""

    model: str
    version: str
    duration: str
    event: str
    covariates: Mapping[str, str]
    horizon: float
    """When risk is predicted and judged, in the unit of ``duration``."""
    censor_at: float | None = None
    """Follow-up ends here for everybody (administrative censoring)."""
    filter: str | None = None
    transforms: Mapping[str, str] | None = None
    """New columns, in order: name → expression."""
    missing: Literal["complete_case", "multiple_imputation"] = "multiple_imputation"
    imputations: int = 5
    folds: int = 10
    seed: int = 20240601
    time_unit: str = "d"
    data: str | None = None


def load(path: Path) -> FitSpec:
    """Read the spec of a survival model.

    :raises WellhouseError: a key is missing, unknown or of the wrong kind; the file and the key are named.
    """
    document = read_yaml(path)
    fit = document.get("fit", document)
    unknown = set(fit) - KNOWN - {"model", "version"}
    if unknown:
        raise WellhouseError(f"{path}: unknown key: {', '.join(sorted(map(str, unknown)))}")
    for key in ("duration", "event", "covariates", "horizon"):
        if not fit.get(key):
            raise WellhouseError(f"{path}: {key!r} is missing")
    known = {field.name for field in fields(FitSpec)}
    values: dict[str, Any] = {key: value for key, value in fit.items() if key in known and value is not None}
    values["covariates"] = _expressions(path, "covariates", fit["covariates"])
    values["transforms"] = _expressions(path, "transforms", fit.get("transforms") or {})
    for key, kind in (("duration", str), ("event", str), ("filter", str), ("horizon", float), ("censor_at", float),
                      ("imputations", int), ("folds", int), ("seed", int)):  # fmt: skip
        if key in values:
            values[key] = _cast(path, key, values[key], kind)
    spec = FitSpec(
        **values | {"model": str(document.get("model", path.stem)), "version": str(document.get("version", 1))}
    )
    if spec.missing not in ("complete_case", "multiple_imputation"):
        raise WellhouseError(f"{path}: 'missing' is complete_case or multiple_imputation")
    if spec.horizon <= 0 or spec.folds < 2 or spec.imputations < 1:
        raise WellhouseError(f"{path}: 'horizon' must be above 0, 'folds' at least 2, 'imputations' at least 1")
    return spec


def _cast(path: Path, key: str, value: Any, kind: type) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise WellhouseError(f"{path}: {key!r} must be a number") from None


def _expressions(path: Path, key: str, given: Any) -> dict[str, str]:
    """A mapping name → expression; a list means columns as they are, and may hold such mappings."""
    if isinstance(given, dict):
        return {str(name): str(expression) for name, expression in given.items()}
    if not isinstance(given, list):
        raise WellhouseError(f"{path}: {key!r} must be a list of columns or a mapping of names to expressions")
    found: dict[str, str] = {}
    for entry in given:
        found |= _expressions(path, key, entry) if isinstance(entry, dict) else {str(entry): str(entry)}
    return found
