"""Whoever opens identities, originals or audio is taken in the drill of identified reads."""

from __future__ import annotations

import re
from pathlib import Path

from tests.identified import WAYS

OPENS = re.compile(r"\b(?:reveal\(connection|originals\.read\(|Sealed\(|read_range\(|\.read\(name, bytes\(sealed_key)")
SHOW_NOBODY = {
    "access/erasure.py": "what is to be looked for on every disk; audited before, tests/superset/test_identified_reads",
    "ingest/release.py": "a load is read again into the warehouse; audited with its count",
    "ingest/reopened.py": "the bytes for the two that ask: record and release",
}
"""Modules that open what is sealed and hand it to nobody."""


def test_every_opening_is_a_way_of_the_drill(project_root: Path) -> None:
    source = project_root / "src" / "wellhouse"
    opens = {
        str(path.relative_to(source)) for path in source.rglob("*.py")
        if not path.is_relative_to(source / "crypto") and OPENS.search(path.read_text(encoding="utf-8"))
    }  # fmt: skip
    assert opens == {module for module, _ in WAYS.values()} | SHOW_NOBODY.keys()
