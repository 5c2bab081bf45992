"""The YAML tree ``dashboards/assets`` as Superset's own import bundle.

File name = slug of the object; every object has a stable UUID, so importing again overwrites and adds nothing.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import yaml

from wellhouse.superset.client import Superset

KINDS = ("databases", "datasets", "charts", "dashboards")
METADATA = {"version": "1.0.0", "type": "assets", "timestamp": "2024-01-01T00:00:00+00:00"}


def load(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Kind → slug → document, in the order Superset needs them."""
    return {
        kind: {file.stem: yaml.safe_load(file.read_text()) for file in sorted((folder / kind).glob("*.yaml"))}
        for kind in KINDS
    }


def bundle(folder: Path) -> bytes:
    """A zip of the tree; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "assets/metadata.yaml", yaml.safe_dump(METADATA))
        for kind in KINDS:
            for file in sorted((folder / kind).glob("*.yaml")):
                _add(archive, f"assets/{kind}/{file.name}", file.read_text())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)


def deploy(superset: Superset, folder: Path) -> dict[str, int]:
    """Import everything, overwriting; how many objects of each kind."""
    superset.post("/api/v1/assets/import/", files={"bundle": ("assets.zip", bundle(folder), "application/zip")})
    return {kind: len(list((folder / kind).glob("*.yaml"))) for kind in KINDS}
