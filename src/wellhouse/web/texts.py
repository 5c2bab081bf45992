"""The words of our pages, in the language that the reader chose."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from flask import request, session

LANGUAGES = ("zh", "en")


def language() -> str:
    """From the address, then from what was chosen in Superset, then from the browser."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        session["locale"] = asked
        return asked
    chosen = str(session.get("locale", ""))[:2]
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES) or "en"


def texts() -> dict[str, Any]:
    return dict(_all()[language()])


@lru_cache
def _all() -> dict[str, Any]:
    return dict(yaml.safe_load(Path(__file__).with_name("texts.yaml").read_text()))
