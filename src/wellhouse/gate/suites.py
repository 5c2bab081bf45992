"""What the gate expects of landed rows: one GX suite a landing table, as data in ``expectations/``.

A suite names what changes (``{"$PARAMETER": "units"}``); :func:`parameters` fills it from the seeds and the calendar.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

PREFIX = "landing__"
SEVERITIES = ("critical", "warning")
MOVING = ("today", "this_year", "horizon")
"""Parameters that the calendar moves: upper bounds, so that what held keeps holding."""
_HORIZON = timedelta(days=50 * 365)


@dataclass(frozen=True)
class Suite:
    """The expectations of one landing table, as GX reads them."""

    table: str
    expectations: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return PREFIX + self.table


def load(folder: Path) -> list[Suite]:
    """Every suite of ``folder``, by table.

    :raises WellhouseError: there is none, or an expectation has no severity.
    """
    suites = [_read(path) for path in sorted(folder.glob(f"{PREFIX}*.json"))]
    if not suites:
        raise WellhouseError(f"no expectations in {folder}: a gate that checks nothing lets everything through")
    return suites


def _read(path: Path) -> Suite:
    expectations = json.loads(path.read_text())["expectations"]
    for number, expectation in enumerate(expectations, start=1):
        if expectation.get("meta", {}).get("severity") not in SEVERITIES:
            raise WellhouseError(f"{path.name}, expectation {number}: meta.severity must be critical or warning")
    return Suite(path.stem.removeprefix(PREFIX), expectations)


def asked(expectation: dict[str, Any]) -> dict[str, str]:
    """Argument → the parameter that the gate fills in for it."""
    given = expectation["kwargs"].items()
    return {name: value["$PARAMETER"] for name, value in given if isinstance(value, dict) and "$PARAMETER" in value}


def parameters(settings: Settings) -> dict[str, Any]:
    """What the suites ask for by name: vocabularies of the seeds, today, and the farthest day one plans for."""
    seeds = settings.root / "dbt_project" / "seeds"
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    return {
        "indicator_codes": _column(seeds / "indicators.csv", "indicator_code"),
        "units": _column(seeds / "indicator_units.csv", "unit"),
        "sites": _column(seeds / "sites.csv", "site"),
        "today": today.isoformat(),
        "this_year": today.year,
        "horizon": (today + _HORIZON).isoformat(),
    }


def _column(path: Path, name: str) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return sorted({row[name] for row in csv.DictReader(file)})
