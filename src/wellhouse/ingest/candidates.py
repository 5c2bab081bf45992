"""What a local item could be: its unit and distribution beside those of the indicators that it may stand for."""

from __future__ import annotations

import csv
import difflib
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wellhouse.ingest import values
from wellhouse.ingest.dictionary import Dictionary, Indicator, is_loinc, normal_name
from wellhouse.ingest.values import Kind

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SHOWN = 3
_SIMILAR = 0.5
_SURE = 0.75
_PLAUSIBLE = 0.9
_WORDS = 0.8
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """An indicator that an item may stand for, in a unit that it may have.

    ``inside``: share of the results within the indicator's plausible range; ``usual``: within its reference interval.
    Limits are canonical; infinite ones are None.
    """

    indicator: str
    name: str
    unit: str
    canonical_unit: str
    plausible: tuple[float | None, float | None]
    reference: tuple[float | None, float | None]
    inside: float
    usual: float
    similarity: float


_FEWEST = 11
"""Results that a distribution is shown of: of fewer it would show the results themselves."""


@dataclass(frozen=True)
class Item:
    """A local item. ``quantiles``: of its numbers at QUANTILES, as written, none where they would be results;
    ``words``: share of ordinal results.
    """

    code: str
    name: str
    unit: str
    count: int
    numeric: float
    words: float
    quantiles: tuple[float, ...]
    known: bool
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that may be proposed; None where a person has to say."""
        first = self.candidates[0] if self.candidates else None
        sure = first is not None and first.similarity >= _SURE and first.inside >= _PLAUSIBLE
        return first if sure else None


def item(dictionary: Dictionary, root: Path, code: str, name: str, unit: str, cells: pa.Array) -> Item:
    """Describe an item by its results.

    :param unit: as the file writes it, blank where it does not say
    """
    parsed = values.parse(cells, units=True)
    present = ~np.isin(parsed.kind, (Kind.ABSENT, Kind.NOTHING))
    count = int(present.sum())
    own_unit = np.zeros(len(cells), bool) if parsed.unit is None else np.array(parsed.unit.is_valid())
    numbers = parsed.value[(parsed.kind == Kind.NUMBER) & ~own_unit]
    words = float((parsed.kind == Kind.WORD).sum() / max(count, 1))
    known = dictionary.indicators.get(dictionary.loinc.get(code, ""))
    likely: list[tuple[Indicator, float]] = []
    if not is_loinc(code):
        known = dictionary.indicator(name) or known
        likely = _similar(dictionary, name or code)
    likely = likely if known is None else [(known, 1.0)]
    found = [
        c for indicator, similarity in likely
        if (c := _candidate(dictionary, root, indicator, similarity, unit, numbers, words)) is not None
    ]  # fmt: skip
    found.sort(key=lambda c: (-round(c.similarity + c.inside, 1), -c.usual))
    return Item(
        code, name, unit, count, len(numbers) / max(count, 1), words,
        tuple(float(f"{q:.4g}") for q in np.quantile(numbers, QUANTILES)) if len(numbers) >= _FEWEST else (),
        known is not None, tuple(found[:_SHOWN]),
    )  # fmt: skip


def _similar(dictionary: Dictionary, name: str) -> list[tuple[Indicator, float]]:
    """Indicators whose names look like this one, most alike first."""
    wanted = normal_name(name)
    best: dict[str, float] = {}
    for spelling, code in dictionary.names.items():
        if spelling[0].isdigit():
            continue  # a LOINC code is no name
        if len(spelling) > 1 and (spelling in wanted or wanted in spelling):
            alike = _SURE + (1 - _SURE) * min(len(spelling), len(wanted)) / max(len(spelling), len(wanted), 1)
            alike = alike if min(len(spelling), len(wanted)) > 1 else 0.0
        else:
            alike = difflib.SequenceMatcher(None, wanted, spelling, autojunk=False).ratio()
        best[code] = max(best.get(code, 0.0), alike)
    ranked = sorted(best.items(), key=lambda pair: -pair[1])[: 2 * _SHOWN]
    return [(dictionary.indicators[code], alike) for code, alike in ranked if alike >= _SIMILAR]


def _candidate(
    dictionary: Dictionary, root: Path, indicator: Indicator, similarity: float, unit: str, numbers: Numbers,
    words: float,
) -> Candidate | None:  # fmt: skip
    """With the unit in which most of the results are usual; None where the item's unit is none of the indicator's."""
    low, high = _reference(root).get(indicator.code, (-math.inf, math.inf))
    name = _names(root).get(indicator.code, indicator.code)
    limits = (_finite(indicator.low), _finite(indicator.high)), (_finite(low), _finite(high))
    if indicator.ordinal:
        inside = words if words >= _WORDS else 0.0
        return Candidate(indicator.code, name, indicator.unit, indicator.unit, *limits, inside, inside, similarity)
    said = dictionary.unit(unit) if unit.strip() else None
    if unit.strip() and said not in indicator.units:
        return None
    best: Candidate | None = None
    for possible in [said] if said else list(indicator.units):
        how = indicator.units[possible]
        with np.errstate(divide="ignore", invalid="ignore"):
            canonical = how.factor * (np.log10(numbers) if how.log10 else numbers) + how.shift
        inside = _share(canonical, indicator.low, indicator.high)
        usual = _share(canonical, low, high)
        if best is None or (inside, usual) > (best.inside, best.usual):
            best = Candidate(indicator.code, name, possible, indicator.unit, *limits, inside, usual, similarity)
    return best


def _share(numbers: Numbers, low: float, high: float) -> float:
    return float(np.mean((numbers >= low) & (numbers <= high))) if len(numbers) else 0.0


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


@lru_cache(maxsize=4)
def _reference(root: Path) -> dict[str, tuple[float, float]]:
    """Of adults, both sexes and all ages together."""
    found: dict[str, tuple[float, float]] = {}
    for row in _rows(root, "reference_ranges"):
        if float(row["age_high"] or 200) >= 18:
            low, high = float(row["reference_low"] or -math.inf), float(row["reference_high"] or math.inf)
            old = found.get(row["indicator_code"], (low, high))
            found[row["indicator_code"]] = min(old[0], low), max(old[1], high)
    return found


@lru_cache(maxsize=4)
def _names(root: Path) -> dict[str, str]:
    return {row["indicator_code"]: row["name_zh"] for row in _rows(root, "indicators")}


def _rows(root: Path, seed: str) -> list[dict[str, str]]:
    with (root / "dbt_project" / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
