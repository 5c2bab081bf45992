"""A cell that a spreadsheet would run is kept as data, and leaves through an export as text."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from codecs import BOM_UTF8
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
    text, excel = json.loads(done.stdout.splitlines()[-1])
    return text, excel


def test_no_exported_cell_begins_as_a_formula(exported: tuple[list[str], list[str]]) -> None:
    for column in exported:
        assert len(column) == len(EVIL)
        for cell in column:
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


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


FORMULA = {"expressionType": "SQL", "label": "cell", "sqlExpression": "'=1+1,' || min(site)"}
NUMBER = {"expressionType": "SQL", "label": "number", "sqlExpression": "-1.5"}


@pytest.mark.parametrize("asked", [{}, {"row_limit": 10**9}], ids=["at_once", "streamed"])
def test_a_chart_leaves_without_a_formula(person: Callable[[str], Any], asked: dict[str, int]) -> None:
    """From a row limit on Superset streams, through a writer that escapes nothing."""
    analyst = person("analyst_hz")
    query = {"columns": ["site"], "metrics": [FORMULA, NUMBER], "row_limit": 10, "filters": [], "orderby": []}
    document = {
        "datasource": {"id": analyst.datasets["marts.fct_exam"], "type": "table"},
        "queries": [query], "result_format": "csv", "result_type": "full", "form_data": asked,
    }  # fmt: skip
    answer = analyst.superset.request("POST", "/api/v1/chart/data", json=document)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(BOM_UTF8)
    assert cells(answer.content)[1:] == [["hz", "'=1+1,hz", "-1.5"]]
    assert answer.headers["X-Wellhouse-Rows"] == "1"


def test_what_sql_lab_found_leaves_without_a_formula(person: Callable[[str], Any]) -> None:
    analyst = person("analyst_hz")
    assert analyst.sql("select '=1+1' as cell, -1.5 as number").status_code == 200
    number = analyst.queries[-1]
    plain = analyst.superset.request("GET", f"/api/v1/sqllab/export/{number}/")
    streamed = analyst.superset.request("POST", "/api/v1/sqllab/export_streaming/", data={"client_id": number})
    assert cells(plain.content) == [["cell", "number"], ["'=1+1", "-1.5"]]
    assert streamed.status_code == 403 or cells(streamed.content) == cells(plain.content), streamed.text
