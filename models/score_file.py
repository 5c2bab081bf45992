"""``python -m models.score_file MODEL --input F.csv --output F.csv``: score a table of inputs, without a database."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from models.columns import require
from models.command import UsageError, run
from models.scoring import score
from models.spec import find
from models.tables import read_csv
from wellhouse.errors import WellhouseError


def score_file(model: str, source: Path, target: Path) -> None:
    """Write one row of results for each row of inputs, in the same order; ``target`` is complete or untouched."""
    spec = find(model)
    table = read_csv(source, text=True)
    require(spec, table)
    scores = score(spec, table)
    scores["eligible"] = np.where(scores["eligible"], "true", "false")
    if not target.parent.is_dir():
        raise UsageError(f"no such folder: {target.parent}")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        scores.to_csv(draft, index=False, encoding="utf-8", lineterminator="\n")
        draft.replace(target)
    except OSError as error:
        raise WellhouseError(f"{target}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.score_file", description="score a CSV file")
    parser.add_argument("model", help="a name of `python -m models.list`")
    parser.add_argument(
        "--input", type=Path, required=True, help="CSV, plain or gzip; columns as `models.list` names them"
    )
    parser.add_argument("--output", type=Path, required=True, help="CSV to write")
    arguments = parser.parse_args()
    score_file(arguments.model, arguments.input, arguments.output)


if __name__ == "__main__":
    run(main)
