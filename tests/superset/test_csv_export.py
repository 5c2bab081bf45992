"""A cell that a spreadsheet would run is kept as data, and leaves through an export as text."""

from __future__ import annotations

import json
import subprocess

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
