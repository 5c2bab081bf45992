"""What many published equations have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

OPERATORS: dict[str, np.ufunc] = {">=": np.greater_equal, ">": np.greater}


def numbers(*values: ArrayLike) -> tuple[Array, ...]:
    """Each as an array of float64."""
    return tuple(np.asarray(value, dtype=float) for value in values)


def predictor(terms: Mapping[str, Array], coefficients: Mapping[str, Mapping[str, float]], group: Any) -> Array:
    """The sum of coefficient * term, each person by the coefficients of their group (sex, or sex and ethnicity).

    :param terms: by name; one that a group has no coefficient for does not count there
    :param coefficients: by group, by term
    :param group: the name of each person's group
    """
    group = np.asarray(group)
    total: Array = np.zeros(np.broadcast_shapes(group.shape, *(np.shape(value) for value in terms.values())))
    for name, of in coefficients.items():
        # a term that does not count for a group may be unknown there
        part = sum((of[term] * value for term, value in terms.items() if term in of), np.zeros(()))
        total = np.where(group == name, part, total)
    return total


def constant(coefficients: Mapping[str, Mapping[str, float]], name: str, group: Any) -> Array:
    """A number of each person's group, such as the baseline survival."""
    group = np.asarray(group)
    return np.select([group == key for key in coefficients], [of[name] for of in coefficients.values()], np.nan)


def risk_from_hazard(relative: Array, survival: Any) -> Array:
    """1 - S^exp(x): the risk at a horizon with baseline survival S, x the centred linear predictor."""
    return np.asarray(-np.expm1(np.log(survival) * np.exp(relative)))


def points(values: ArrayLike, steps: Sequence[tuple[str, float, float]]) -> Array:
    """Points of a table whose rows ``(operator, bound, points)`` rise; the last row that fits is taken, else 0."""
    values = np.asarray(values, dtype=float)
    total: Array = np.zeros(values.shape)
    for operator, bound, given in steps:
        total = np.where(OPERATORS[operator](values, bound), given, total)
    return total


def points_by_sex(values: ArrayLike, steps: Mapping[str, Sequence[tuple[str, float, float]]], sex: ArrayLike) -> Array:
    """As :func:`points`, women and men by tables of their own."""
    return np.where(np.asarray(sex) == "female", points(values, steps["female"]), points(values, steps["male"]))
