"""How a survival model is fitted: the ``fit`` part of a ``spec.yml``, or a small YAML file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from models.spec import read_yaml
from wellhouse.errors import WellhouseError

Method = Literal["cox", "fine_gray", "weibull", "log_normal", "log_logistic"]
METHODS = get_args(Method)


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
    method: Method = "cox"
    """``cox`` with ``competing`` is cause-specific: two regressions whose hazards make up the risk."""
    splines: Mapping[str, int] = field(default_factory=dict)
    """Covariate → knots of a restricted cubic spline, at Harrell's quantiles of those who are fitted on."""
    terms: Mapping[str, str] = field(default_factory=dict)
    """More terms over the covariates, such as ``age * male``: computed after imputation."""
    penalty: float | Literal["cv"] = 0.0
    """Ridge on standardised coefficients; ``cv``: by cross-validated partial likelihood, in every resample."""
    competing: str | None = None
    """1: an event after which the one of interest cannot happen, at the time ``duration``."""
    entry: str | None = None
    """When a person came under observation, after the origin (left truncation)."""
    person: str | None = None
    """With ``starts``: several exams a person, whose covariates hold until the next."""
    starts: str | None = None
    censor_at: float | None = None
    """Follow-up ends here for everybody (administrative censoring)."""
    filter: str | None = None
    transforms: Mapping[str, str] = field(default_factory=dict)
    """New columns, in order: name → expression."""
    subgroups: Mapping[str, str] = field(default_factory=dict)
    """Name → expression whose values are the groups that the model is judged in."""
    missing: Literal["complete_case", "multiple_imputation"] = "multiple_imputation"
    imputations: int = 5
    bootstrap: int = 200
    """Resamples of the internal validation; 0: ``folds``-fold cross-validation instead."""
    folds: int = 10
    thresholds: tuple[float, ...] = (0.05, 0.1, 0.2)
    """Risks at which the decision curve is read."""
    seed: int = 20240601
    time_unit: str = "d"
    data: str | None = None


KNOWN = {one.name for one in fields(FitSpec)} - {"model", "version"}
EXPRESSIONS = ("duration", "event", "competing", "entry", "person", "starts", "filter")
NUMBERS = (
    ("horizon", float),
    ("censor_at", float),
    ("imputations", int),
    ("bootstrap", int),
    ("folds", int),
    ("seed", int),
)


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
    values: dict[str, Any] = {key: value for key, value in fit.items() if key in KNOWN and value is not None}
    for key in ("covariates", "transforms", "terms", "subgroups"):
        values[key] = _expressions(path, key, fit.get(key) or {})
    for key, kind in (*((name, str) for name in EXPRESSIONS), *NUMBERS):
        if key in values:
            values[key] = _cast(path, key, values[key], kind)
    values["splines"] = {
        str(name): _cast(path, "splines", knots, int) for name, knots in values.get("splines", {}).items()
    }
    values["thresholds"] = tuple(
        _cast(path, "thresholds", t, float) for t in values.get("thresholds", FitSpec.thresholds)
    )
    if values.get("penalty", 0) != "cv":
        values["penalty"] = _cast(path, "penalty", values.get("penalty", 0), float)
    spec = FitSpec(
        **values | {"model": str(document.get("model", path.stem)), "version": str(document.get("version", 1))}
    )
    _check(path, spec)
    return spec


def _check(path: Path, spec: FitSpec) -> None:
    if spec.missing not in ("complete_case", "multiple_imputation"):
        raise WellhouseError(f"{path}: 'missing' is complete_case or multiple_imputation")
    if spec.method not in METHODS:
        raise WellhouseError(f"{path}: 'method' is one of {', '.join(METHODS)}")
    if spec.method == "fine_gray" and not spec.competing:
        raise WellhouseError(f"{path}: fine_gray needs 'competing'")
    if spec.method not in ("cox", "fine_gray") and (spec.competing or spec.entry or spec.starts or spec.penalty):
        raise WellhouseError(f"{path}: {spec.method} takes neither competing, entry, starts nor penalty")
    if (spec.person is None) != (spec.starts is None) or (spec.starts and spec.competing):
        raise WellhouseError(f"{path}: 'person' and 'starts' go together, and without 'competing'")
    if spec.horizon <= 0 or spec.folds < 2 or spec.imputations < 1 or spec.bootstrap < 0:
        raise WellhouseError(f"{path}: 'horizon' must be above 0, 'folds' at least 2, 'imputations' at least 1")
    unknown = set(spec.splines) - set(spec.covariates)
    if unknown or any(knots < 3 for knots in spec.splines.values()):
        raise WellhouseError(f"{path}: 'splines' takes covariates and at least 3 knots")


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
