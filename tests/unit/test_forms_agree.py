"""The same records say the same, whether they come as delimited text, a workbook, JSON or JSON lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wellhouse.ingest import check, mapping
from wellhouse.sample import forms, generate
from wellhouse.sample.files import SampleFile
from wellhouse.settings import PROJECT_ROOT

SOURCES = ("exam", "questionnaire", "consultation", "follow_up", "card", "intervention", "care_plan")


@pytest.fixture(scope="module")
def files() -> dict[tuple[str, str], SampleFile]:
    """The largest file of each site and source, without rows of another width: only delimited text has them."""
    found: dict[tuple[str, str], SampleFile] = {}
    for file in generate.population(120, 3, 5):
        old = found.get((file.site, file.source))
        if old is None or len(file.rows) > len(old.rows):
            found[file.site, file.source] = file
    return {
        key: replace(file, rows=[row for row in file.rows if len(row) == len(file.header)], year=2019)
        for key, file in found.items()
    }


def said(path: Path, source: str, site: str) -> dict[str, Any]:
    own = mapping.read(PROJECT_ROOT / f"mappings/{source}.yaml")
    found = check.check(PROJECT_ROOT, path, own, site).report()
    reasons = sorted((r["reason"], r["field"], r["count"], tuple(r["rows"])) for r in found["reasons"])
    return {"rows": found["rows"], "observations": found["observations"], "reasons": reasons}


@pytest.mark.parametrize("site", ["hz", "sh", "cd"])
@pytest.mark.parametrize("source", SOURCES)
def test_forms_agree(files: dict[tuple[str, str], SampleFile], tmp_path: Path, source: str, site: str) -> None:
    file = files[site, source]
    file.write(tmp_path)
    text = said(tmp_path / file.name, source, site)
    assert text["rows"]["loaded"] > 0.9 * len(file.rows)
    book, array, lines = tmp_path / "a.xlsx", tmp_path / "a.json", tmp_path / "a.jsonl"
    book.write_bytes(forms.xlsx("汇总", file.header, file.rows))
    array.write_bytes(forms.objects(file.header, file.rows, lines=False))
    lines.write_bytes(forms.objects(file.header, file.rows, lines=True))
    assert said(book, source, site) == text
    assert said(array, source, site) == text
    assert said(lines, source, site) == text
