"""CSV in (plain or gzip, UTF-8 or GB18030, NA or blank for missing) and CSV out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from models.command import UsageError
from wellhouse.errors import WellhouseError

MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "."]


def read_csv(path: Path, text: bool = False) -> pd.DataFrame:
    """The file's rows; missing cells are NaN. ``text`` keeps every other cell as it is written.

    :raises UsageError: there is no such file.
    :raises WellhouseError: it is not a CSV table with a header of distinct names.
    """
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return _parse(path, encoding, text)
        except UnicodeDecodeError:
            continue
        except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, EOFError):
            break
    raise WellhouseError(f"{path}: not a CSV table in UTF-8 or GB18030, plain or gzip")


def _parse(path: Path, encoding: str, text: bool) -> pd.DataFrame:
    # the header is read apart: pandas would quietly rename a column that is there twice
    options = {"encoding": encoding, "keep_default_na": False, "na_values": MISSING, "skipinitialspace": True}
    header = pd.read_csv(path, header=None, nrows=1, dtype=str, **options).iloc[0]
    names = [str(name).strip() for name in header]
    if len(set(names)) < len(names):
        raise WellhouseError(f"{path}: a column's name is there twice")
    kind = str if text else None
    return pd.read_csv(
        path, header=None, skiprows=1, names=names, index_col=False, dtype=kind, low_memory=False,
        skip_blank_lines=len(names) > 1, **options,
    )  # fmt: skip
