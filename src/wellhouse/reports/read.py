"""Rows behind the charts, as each recipient may see them: asked of Superset in its own environment.

What comes back stays in pipes and memory.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wellhouse.children import bound
from wellhouse.errors import WellhouseError
from wellhouse.ops import services
from wellhouse.reports.charts import Chart
from wellhouse.settings import Settings

Row = dict[str, Any]
WITHIN_S = 900


@dataclass(frozen=True)
class Order:
    username: str
    dashboard: str
    charts: Sequence[Chart]


@dataclass(frozen=True)
class Answer:
    """``results``: rows of each chart; ``refused``: why there are none."""

    results: list[list[Row]]
    refused: str | None = None


def rows(of: Settings, orders: Sequence[Order]) -> list[Answer]:
    """An answer an order.

    :raises WellhouseError: Superset's environment does not run
    """
    asked = [
        {
            "username": o.username,
            "dashboard": o.dashboard,
            "queries": [{"dataset": c.dataset, "query": c.query} for c in o.charts],
        }
        for o in orders
    ]
    try:
        done = subprocess.run(
            bound([services.binaries(of, "superset") / "python", of.root / "infra" / "superset_charts.py"]),
            input=json.dumps(asked), text=True, cwd=of.root, env=services.environment(of), timeout=WITHIN_S,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WellhouseError(f"Superset could not be asked for the charts: {type(error).__name__}") from None
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(answers) != len(orders):
        raise WellhouseError(f"Superset answered {len(answers)} of {len(orders)} reports: is PostgreSQL up?")
    return [Answer(a.get("results", []), a.get("refused")) for a in answers]
