"""The gate's suites are data: complete, each with a severity, with names that the gate can fill."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wellhouse.errors import WellhouseError
from wellhouse.gate import suites
from wellhouse.settings import PROJECT_ROOT, Settings

EXPECTATIONS = PROJECT_ROOT / "expectations"
DDL = (PROJECT_ROOT / "infra/postgres/schemas.sql").read_text()
LOADED = suites.load(EXPECTATIONS)


def landing_tables() -> dict[str, list[str]]:
    """Table → columns, from the DDL; the sealed originals are not the gate's to read."""
    found = re.findall(r"create table if not exists landing\.(\w+) \((.*?)\n\);", DDL, re.S)
    return {
        name: re.findall(r"^    (\w+) (?:bigint|int|text|date|boolean|double)", body, re.M)
        for name, body in found
        if name != "original"
    }


def test_every_landing_table_has_a_suite() -> None:
    assert {suite.table for suite in LOADED} == set(landing_tables())


@pytest.mark.parametrize("suite", LOADED, ids=lambda s: s.table)
def test_a_suite_knows_every_column_and_proves_the_key(suite: suites.Suite) -> None:
    exist = [e["kwargs"]["column"] for e in suite.expectations if e["type"] == "expect_column_to_exist"]
    assert exist == landing_tables()[suite.table]
    types = {e["type"] for e in suite.expectations}
    assert "expect_column_values_to_not_be_null" in types
    # a person has as many rows a load as records that name them
    assert suite.table == "person" or "expect_compound_columns_to_be_unique" in types


@pytest.mark.parametrize("suite", LOADED, ids=lambda s: s.table)
def test_every_name_a_suite_asks_for_is_known(suite: suites.Suite) -> None:
    known = suites.parameters(Settings())
    assert {name for e in suite.expectations for name in suites.asked(e).values()} <= set(known)


def test_vocabularies_come_from_the_seeds() -> None:
    known = suites.parameters(Settings())
    assert {"SBP", "TC", "URPRO"} <= set(known["indicator_codes"])
    assert {"mmol/L", "mg/dL", "mm[Hg]", "{ordinal}"} <= set(known["units"])
    assert {"hz", "sh", "cd", "nhanes", "framingham"} == set(known["sites"])


def test_an_expectation_without_severity_is_refused(tmp_path: Path) -> None:
    document = {"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "site"}}]}
    (tmp_path / "landing__exam.json").write_text(json.dumps(document))
    with pytest.raises(WellhouseError, match="expectation 1: meta.severity"):  # noqa: RUF043
        suites.load(tmp_path)


def test_a_gate_without_suites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WellhouseError, match="no expectations"):
        suites.load(tmp_path)


@pytest.mark.parametrize("suite", LOADED, ids=lambda s: s.table)
def test_every_expectation_can_be_asked_of_a_load_alone(suite: suites.Suite) -> None:
    """The gate does not read loads again that held; and none of them stops holding because the day is another one."""
    for expectation in suite.expectations:
        given = expectation["kwargs"]
        if "unique" in expectation["type"]:
            assert "load_id" in given["column_list"]
        assert "mostly" not in given or expectation["meta"]["severity"] == "warning"  # a share is of what is read
        moving = [name for name, parameter in suites.asked(expectation).items() if parameter in suites.MOVING]
        assert moving in ([], ["max_value"])
    by_row = {"exist", "not_be_null", "be_in_set", "be_between", "be_unique"}
    assert all(any(e["type"].endswith(known) for known in by_row) for e in suite.expectations)
