"""The words and the layout of a summary: data files of ``dashboards/summaries``."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Wording:
    """One language. ``texts`` is ``<language>.yaml``, ``layout`` is ``layout.yaml``."""

    language: Language
    texts: dict[str, Any]
    layout: dict[str, Any]
    inputs: dict[str, Any]
    """What the risk models ask for: ``models/inputs.yml``."""

    def date(self, day: dt.date) -> str:
        return self._filled("date", day)

    def month(self, day: dt.date) -> str:
        return self._filled("month", day)

    def unit(self, ucum: str) -> str:
        """A UCUM unit as people write it."""
        return str(self.layout["units"].get(ucum, ucum))

    def name(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def reason(self, zh: str | None, en: str | None) -> str:
        """Why a model gave no number; its inputs and their units in words."""
        units, names = self.layout["units"] | self.texts["units"], self.texts["reasons"]
        text = re.sub(r"(?<=\d )[^\s;；,，]+", lambda m: units.get(m[0], m[0]), self.name(zh or "", en or ""))
        return re.sub(r"\w+", lambda m: names.get(m[0], m[0]), text)

    def of_input(self, name: str, what: str = "name") -> str:
        """An input's name, or the ``test`` that makes it known, in this language."""
        return str(self.inputs.get(name, {}).get(f"{what}_{self.language}", ""))

    def _filled(self, kind: str, day: dt.date) -> str:
        names = self.texts.get("month_names")
        month = names[day.month - 1] if names else ""
        return str(self.texts[kind]).format(year=day.year, month=day.month, day=day.day, month_name=month)


@lru_cache
def wording(folder: Path, language: Language) -> Wording:
    """Read the data files once a process."""
    texts, layout = (yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in (language, "layout"))
    inputs = yaml.safe_load((folder.parents[1] / "models" / "inputs.yml").read_text(encoding="utf-8"))
    return Wording(language, texts, layout, inputs)
