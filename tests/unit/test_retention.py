"""Retention rules are data: the file of the project is whole, and a wrong rule is refused before anything goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellhouse.errors import WellhouseError
from wellhouse.landing.retention import WHAT, rules
from wellhouse.settings import Settings


def test_the_rules_of_the_project(project_root: Path) -> None:
    assert rules(Settings(retention=project_root / "infra" / "retention.yaml")).keys() == set(WHAT)


@pytest.mark.parametrize(
    "text",
    ["rules: [{what: originals, days: 0}]", "rules: [{what: originals, days: -1}]", "rules: [{what: all, days: 1}]",
     "rules: [{what: originals, days: true}]", "rules: [{what: originals, days: '20'}]", "rules: [{what: originals}]",
     "rules: 5", "{", ""],
)  # fmt: skip
def test_a_wrong_rule_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(WellhouseError):
        rules(Settings(retention=tmp_path / "rules.yaml"))


def test_what_no_rule_names_is_kept(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [{what: recordings, days: 365}]")
    kept = rules(Settings(retention=tmp_path / "rules.yaml"))
    assert kept == {"originals": None, "quarantine": None, "recordings": 365}
