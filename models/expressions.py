"""A small, safe expression language over a table's columns, for the specs of models.

``where(SEX == 1, 'male', 'female')``, ``log(bili)``, ``recur == 1 or death == 1``, ``min(nodes, 19)``. A name with
dots is a column (``ph.ecog``); any other spelling is ``col("…")``, or stands alone. What is missing stays missing: a
comparison with a missing value is missing, ``and`` and ``or`` follow three-valued logic. Truth is 1.0 and 0.0.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from wellhouse.errors import WellhouseError

Values = np.ndarray[Any, np.dtype[Any]]


def evaluate(expression: str | float, columns: Mapping[str, Any], rows: int) -> Values:
    """The expression's value for each row: float64, or object for text.

    :raises WellhouseError: unknown column or function, or something the language does not have.
    """
    whole = str(expression).strip()
    try:
        tree = ast.Name(whole) if whole in columns else ast.parse(whole, mode="eval").body
    except SyntaxError:
        raise WellhouseError(f"expression {expression!r} cannot be read and is no column") from None
    try:
        value = _Evaluator(columns, str(expression)).of(tree)
    except TypeError:
        raise WellhouseError(f"expression {expression!r}: text where a number is needed") from None
    return np.full(rows, value) if np.ndim(value) == 0 else value


def columns_of(expression: str | float, known: Collection[str] = ()) -> set[str]:
    """The columns that an expression names; itself, if it is one of those ``known``.

    :raises WellhouseError: it cannot be read.
    """
    whole = str(expression).strip()
    if whole in known:
        return {whole}
    try:
        return _columns_of(ast.parse(whole, mode="eval").body)
    except SyntaxError:
        raise WellhouseError(f"expression {expression!r} cannot be read and is no column") from None


def _columns_of(node: ast.AST) -> set[str]:
    match node:
        case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str() as name)]):
            return {name}
        case ast.Call(args=arguments):
            return set().union(*map(_columns_of, arguments))
        case ast.Name() | ast.Attribute():
            return {ast.unparse(node)}
    return set().union(*map(_columns_of, ast.iter_child_nodes(node)))


def rcs(x: Values, index: float, *knots: float) -> Values:
    """Term ``index`` (1 … k-2) of a restricted cubic spline, in Harrell's parametrisation (``rms::rcspline.eval``).

    Source: Harrell FE, Regression Modeling Strategies, 2nd ed., 2015, section 2.4.5.
    """
    t, i = np.asarray(knots, dtype=float), int(index) - 1
    if len(t) < 3 or not 0 <= i <= len(t) - 3 or np.any(np.diff(t) <= 0):
        raise WellhouseError("rcs(x, term, knot, …) takes a term of 1 to k-2 and k >= 3 rising knots")
    cube = [np.maximum(x - knot, 0) ** 3 for knot in (t[i], t[-2], t[-1])]
    width = t[-1] - t[-2]
    term = cube[0] - cube[1] * (t[-1] - t[i]) / width + cube[2] * (t[-2] - t[i]) / width
    return np.asarray(term / (t[-1] - t[0]) ** 2)


def _mean(*values: Values) -> Values:
    """Of those that are known."""
    table = np.vstack([np.asarray(value, dtype=float) for value in np.broadcast_arrays(*values)])
    count = (~np.isnan(table)).sum(axis=0)
    return np.where(count > 0, np.nansum(table, axis=0) / np.maximum(count, 1), np.nan)


def _where(condition: Values, yes: Any, no: Any) -> Values:
    text = any(isinstance(one, str) or getattr(one, "dtype", float) == np.dtype(object) for one in (yes, no))
    chosen = np.where(condition == 1, yes, no)
    chosen = chosen.astype(object if text else float)
    chosen[_missing(condition)] = None if text else np.nan
    return np.asarray(chosen)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "known": lambda value: (~_missing(value)).astype(float),
    "log": np.log,
    "max": np.maximum,
    "mean": _mean,
    "min": np.minimum,
    "rcs": rcs,
    "sqrt": np.sqrt,
    "where": _where,
}
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


def _missing(value: Any) -> Any:
    return pd.isna(value)


class _Evaluator:
    def __init__(self, columns: Mapping[str, Any], expression: str) -> None:
        self.columns = columns
        self.expression = expression

    def of(self, node: ast.expr) -> Any:
        with np.errstate(all="ignore"):
            match node:
                case ast.Constant(value=int() | float() | str()):
                    return node.value
                case ast.Name() | ast.Attribute():
                    return self.column(self.dotted(node))
                case ast.UnaryOp(op=ast.USub()):
                    return -self.of(node.operand)
                case ast.UnaryOp(op=ast.Not()):
                    return 1.0 - self.of(node.operand)
                case ast.BinOp() if type(node.op) in BINARY:
                    return BINARY[type(node.op)](self.of(node.left), self.of(node.right))
                case ast.Compare(ops=[op], comparators=[right]) if type(op) in COMPARE:
                    return self.compare(COMPARE[type(op)], self.of(node.left), self.of(right))
                case ast.BoolOp():
                    return self.logic(isinstance(node.op, ast.And), [self.of(value) for value in node.values])
                case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str() as name)], keywords=[]):
                    return self.column(name)
                case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
                    return self.call(name, [self.of(a) for a in node.args])
        raise WellhouseError(f"expression {self.expression!r}: {ast.unparse(node)!r} is not part of the language")

    def call(self, name: str, arguments: list[Any]) -> Any:
        try:
            return FUNCTIONS[name](*arguments)
        except TypeError:
            raise WellhouseError(f"expression {self.expression!r}: wrong arguments for {name}") from None

    def dotted(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=value, attr=attribute):
                return f"{self.dotted(value)}.{attribute}"
        raise WellhouseError(f"expression {self.expression!r}: {ast.unparse(node)!r} is not a column")

    def column(self, name: str) -> Values:
        if name not in self.columns:
            raise WellhouseError(f"expression {self.expression!r}: no column {name!r}")
        values = np.asarray(self.columns[name])
        return values if values.dtype == object else values.astype(float)

    @staticmethod
    def compare(operator: Callable[[Any, Any], Any], left: Any, right: Any) -> Values:
        missing = _missing(left) | _missing(right)
        return np.where(missing, np.nan, np.asarray(operator(left, right), dtype=float))

    @staticmethod
    def logic(conjunction: bool, parts: list[Any]) -> Values:
        table = np.vstack([np.asarray(part, dtype=float) for part in parts])
        decisive = (table == (0.0 if conjunction else 1.0)).any(axis=0)
        undecided = np.isnan(table).any(axis=0)
        otherwise = np.where(undecided, np.nan, 1.0 if conjunction else 0.0)
        return np.where(decisive, 0.0 if conjunction else 1.0, otherwise)
