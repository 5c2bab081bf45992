"""The indicator dictionary: names → indicators, spellings → UCUM units, conversions and limits, from dbt's seeds."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wellhouse.ingest.plain import plain

UNITLESS = frozenset({"1", "{ordinal}", "{score}", "[pH]", "{T-score}"})
"""Units that a header or a unit column may leave out: there is only one way to say them."""
_LOINC = re.compile(r"\d{1,7}-\d")
_OPEN, _CLOSE = "(（[［【", ")）]］】"


@dataclass(frozen=True)
class Conversion:
    """canonical = factor * f(value) + shift, f being the identity or log10."""

    factor: float
    shift: float
    log10: bool


@dataclass(frozen=True)
class Indicator:
    """One entry of the dictionary; limits are canonical, infinite where there is none."""

    code: str
    ordinal: bool
    unit: str
    low: float
    high: float
    units: dict[str, Conversion]

    def unit_if_blank(self) -> str | None:
        """The unit of a value that comes without one: only for indicators that need none."""
        return self.unit if self.unit in UNITLESS and len(self.units) == 1 else None


@dataclass(frozen=True)
class Dictionary:
    indicators: dict[str, Indicator]
    names: dict[str, str]
    units: dict[str, str]
    loinc: dict[str, str]
    """LOINC code → indicator"""

    def indicator(self, name: str) -> Indicator | None:
        """By any of its spellings."""
        code = self.names.get(normal_name(name))
        return self.indicators.get(code) if code else None

    def unit(self, spelling: str) -> str | None:
        return self.units.get(normal_unit(spelling))

    def header(self, text: str) -> tuple[str, str]:
        """(name, unit as written) of a column header such as ``空腹血糖(mmol/L)``; the unit may be blank."""
        name, unit = _split_unit(text)
        if unit and self.indicator(text) is None and (self.unit(unit) or self.indicator(name)):
            return name, unit
        return text.strip(), ""


def is_loinc(code: str) -> bool:
    """Whether a code has the form of LOINC's: its name stands for other specimens, too."""
    return _LOINC.fullmatch(code.strip()) is not None


@lru_cache(maxsize=1024)
def normal_name(text: str) -> str:
    return "".join(plain(text).split()).lower()


def normal_unit(text: str) -> str:
    return normal_name(text).replace("μ", "u").replace("×", "*")


def _split_unit(text: str) -> tuple[str, str]:
    """Split off a last pair of brackets that ends the header, with whatever brackets are inside it."""
    text = text.strip()
    if not text or text[-1] not in _CLOSE:
        return text, ""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] in _CLOSE) - (text[position] in _OPEN)
        if depth == 0:
            return text[:position].strip(), text[position + 1 : -1].strip()
    return text, ""


@lru_cache(maxsize=4)
def load(root: Path) -> Dictionary:
    """The dictionary of the project at ``root``."""
    seeds = root / "dbt_project" / "seeds"
    conversions: dict[str, dict[str, Conversion]] = {}
    for row in _rows(seeds / "indicator_units.csv"):
        conversions.setdefault(row["indicator_code"], {})[row["unit"]] = Conversion(
            float(row["factor"]), float(row["shift"]), row["transform"] == "log10"
        )
    indicators = {
        row["indicator_code"]: Indicator(
            row["indicator_code"],
            row["value_kind"] == "ordinal",
            row["unit"],
            float(row["hard_min"] or -math.inf),
            float(row["hard_max"] or math.inf),
            conversions.get(row["indicator_code"], {}),
        )
        for row in _rows(seeds / "indicators.csv")
    }
    spellings = _rows(seeds / "indicator_names.csv")
    names = {row["name"]: row["indicator_code"] for row in spellings}
    names |= {code.lower(): code for code in indicators if code.lower() not in names}
    loinc = {row["name"]: row["indicator_code"] for row in spellings if row["kind"] == "loinc"}
    units = {row["spelling"]: row["unit"] for row in _rows(seeds / "unit_spellings.csv")}
    return Dictionary(indicators, names, units, loinc)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
