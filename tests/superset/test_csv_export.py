"""A cell that a spreadsheet would run is kept as data, and leaves through an export as text."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from wellhouse.settings import PROJECT_ROOT

_EXPORTS = """
import json, sys
import pandas as pd
from superset.utils.csv import df_to_escaped_csv
from superset.utils.excel import quote_formulas
cells = json.load(sys.stdin)
frame = pd.DataFrame({"package": cells})
text = df_to_escaped_csv(frame.copy(), index=False).splitlines()[1:]
print(json.dumps([text, list(quote_formulas(frame)["package"])]))
"""
EVIL = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "=HYPERLINK(1)"]


@pytest.fixture(scope="module")
def exported() -> tuple[list[str], list[str]]:
    """The cells as Superset writes them into CSV and into a workbook."""
    python = PROJECT_ROOT / ".venv-superset/bin/python"
    done = subprocess.run([python, "-c", _EXPORTS], input=json.dumps(EVIL), capture_output=True, text=True, check=True)
    csv, excel = json.loads(done.stdout.splitlines()[-1])
    return csv, excel


def test_no_exported_cell_begins_as_a_formula(exported: tuple[list[str], list[str]]) -> None:
    for cells in exported:
        assert len(cells) == len(EVIL)
        for cell in cells:
            assert cell.lstrip('"')[0] not in "=+-@", cell


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_persons_link_leaves_as_the_key(person: Callable[[str], Any], kind: str) -> None:
    answer = person("manager_hz").chart("marts.fct_follow_up_due", ["person_key", "person_page"], kind, row_limit=20)
    assert answer.status_code == 200, answer.text
    read = pd.read_csv if kind == "csv" else pd.read_excel
    table = read(io.BytesIO(answer.content), dtype=str)
    keys, pages = (table.iloc[:, -n] for n in (2, 1))
    assert len(table) == 20
    assert list(keys) == list(pages)
