"""Rules on unusual access are data that somebody can read: every one has words in both languages and a known kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellhouse.access import unusual
from wellhouse.errors import WellhouseError


def test_rules_are_whole(project_root: Path) -> None:
    rules = unusual.load(project_root / "dashboards" / "access" / "unusual_access.yaml")
    assert {r["kind"] for r in rules} == set(unusual.QUESTIONS), "volume, odd hours, foreign site and export are asked"
    assert len({r["name"] for r in rules}) == len(rules)
    for rule in rules:
        assert rule["severity"] in ("info", "warning", "critical")
        assert rule["text_en"]
        assert rule["text_zh"]


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{name: x, kind: guess}]")
    with pytest.raises(WellhouseError, match="no such kind"):
        unusual.load(file)
