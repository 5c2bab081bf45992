"""docs/security.md keeps its word: each control names its clauses and a test that is there; no framework is missing."""

from __future__ import annotations

import re

import pytest

from wellhouse.settings import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "docs" / "security.md").read_text(encoding="utf-8")
FRAMEWORKS = ("HIPAA 164.308", "164.312", "GDPR", "PIPL", "GB/T 39725", "MLPS", "ASVS")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its own heading."""
    section = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("heading", ["Controls", "Clauses"])
def test_every_control_names_a_test_that_is_there(heading: str) -> None:
    table = rows(heading)
    assert len(table) > 15
    for control, middle, proof in table:
        assert control, "a row without a control"
        assert middle, control
        named = TEST.findall(proof)
        assert named, f"{control}: no test"
        for file, function in named:
            path = PROJECT_ROOT / file
            assert path.exists(), f"{control}: {file}"
            source = path.read_text(encoding="utf-8")
            assert re.search(rf"^\s*def {function or 'test_'}", source, re.MULTILINE), f"{control}: {file}::{function}"


def test_every_framework_is_answered() -> None:
    clauses = " ".join(middle for _, middle, _ in rows("Clauses"))
    assert [f for f in FRAMEWORKS if f not in clauses] == []


def test_every_attacker_is_met() -> None:
    for row in rows("Threat model"):
        assert len(row) == 4
        assert all(row), row[0]
