"""Versions of a survival model that were fitted here: under ``var``, never among the tracked files.

``var/models/<model>/registry.json`` lists them; the one that is ``current`` is scored with, else the shipped one of
``models/<model>/coefficients``. A version's folder holds its coefficients, metrics and card.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.spec import Spec
from models.survival.artefact import write_json
from wellhouse.settings import settings


def folder(model: str) -> Path:
    """Where the versions of a model are."""
    return settings().var / "models" / model


def read(model: str) -> dict[str, Any]:
    """``{current, versions: [{version, data, code, metrics, promoted, reason, fitted_at}]}``; empty before any fit."""
    path = folder(model) / "registry.json"
    if not path.is_file():
        return {"current": None, "versions": []}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def coefficients(model: str, shipped: Path) -> Path:
    """The coefficients to score with: the promoted ones, else those shipped with the code."""
    current = read(model)["current"]
    return folder(model) / f"v{current}" / "coefficients.json" if current else shipped


def add(model: str, entry: Mapping[str, Any]) -> None:
    """Write a version down; one that is promoted becomes the current one."""
    content = read(model)
    content["versions"].append(dict(entry))
    if entry["promoted"]:
        content["current"] = entry["version"]
    write_json(folder(model) / "registry.json", content)


def version(spec: Spec) -> str:
    """What scores are stored under: the promoted version of a survival model, else the shipped one."""
    current = read(spec.model)["current"] if spec.kind == "survival" else None
    return current or spec.version
