"""Commands: what a driver says of a row is nobody's business, whichever it went wrong in; loading comes up quickly."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest

from wellhouse import cli


def test_a_drivers_error_is_one_line_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise psycopg.errors.UniqueViolation("DETAIL: Key (id_number)=(110101199003074514) already exists.")

    monkeypatch.setattr(cli, "main", fails)
    with pytest.raises(SystemExit) as ended:
        cli.app()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert said.err == "wellhouse: the database did not do it (UniqueViolation): is it up? `make status`\n"


def test_a_mistake_of_ours_is_no_drivers_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise KeyError("ours")

    monkeypatch.setattr(cli, "main", fails)
    with pytest.raises(KeyError):
        cli.app()


def test_loading_leaves_pandas_alone() -> None:
    """Where it is installed, it takes longer to come up than a small file to load; who needs it still gets it."""
    code = """
import sys
from wellhouse.commands import ingest
ingest._leave_pandas()
import numpy as np, pyarrow as pa
pa.array(np.arange(3), mask=np.array([True, False, False])), pa.array(["a", None]), pa.array([b"a"])
assert "pandas" not in sys.modules
import pandas
"""
    subprocess.run([sys.executable, "-c", code], check=True)
