"""What the browser writes as *Export current view*, with the very program that this Superset ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellhouse.web import current_view


@pytest.fixture(scope="module")
def shipped(project_root: Path) -> str:
    (folder,) = project_root.glob(".venv-superset/lib/python3*/site-packages/superset/static/assets")
    name = current_view.writer(folder)
    assert name, "this Superset writes such files in another way: see wellhouse.web.current_view"
    return (folder / name).read_text(encoding="utf-8")


def test_each_place_that_writes_is_found(shipped: str) -> None:
    corrected = current_view.corrected(shipped)
    assert shipped.count("text/csv") == corrected.count('["\\ufeff",') == 1
    assert corrected.count("=self.wellhouseView(") == len(("csv", "json", "xlsx"))
