"""dbt in one process of its own: build a selector, then record what became of every node.

dbt's working files (compiled SQL, logs, results) go under ``var``; its password goes into the environment of that
one process and nowhere else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wellhouse import db, increment
from wellhouse.children import bound
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

ROLE = "wh_transform"
_GOOD = ("success", "pass", "warn", "no-op")
_ENVIRONMENT = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER", "sslmode": "PGSSLMODE",
                "sslrootcert": "PGSSLROOTCERT", "password": "DBT_ENV_SECRET_PASSWORD"}  # fmt: skip


@dataclass(frozen=True)
class NodeResult:
    """One dbt node of one run; ``rows`` is None where dbt does not know."""

    node: str
    status: str
    rows: int | None
    seconds: float
    message: str | None

    @property
    def failed(self) -> bool:
        return self.status not in (*_GOOD, "skipped")


@dataclass(frozen=True)
class Build:
    """One run of dbt and what became of its nodes.

    ``touched``: of how many persons results were computed, the others' being as they were; None: of all.
    """

    run_id: str
    passed: bool
    results: list[NodeResult]
    touched: int | None = None


def target(settings: Settings) -> Path:
    """Where dbt keeps compiled SQL, the manifest and results; no row is ever in them."""
    return settings.var / "dbt" / "target"


def dbt(settings: Settings, *arguments: str, project: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``dbt <arguments>`` on the project as ``wh_transform``; its output is captured."""
    project = project or settings.root / "dbt_project"
    parameters = db.parameters(ROLE, settings)
    environment = os.environ | {name: str(parameters[key]) for key, name in _ENVIRONMENT.items() if key in parameters}
    environment |= {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    folders = ["--project-dir", str(project), "--profiles-dir", str(project),
               "--target-path", str(target(settings)), "--log-path", str(settings.logs / "dbt")]  # fmt: skip
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments, *folders]
    return subprocess.run(bound(command), cwd=project, env=environment, text=True, capture_output=True)


def build(
    settings: Settings, selector: str, project: Path | None = None, as_of: str = "", whole: bool = False
) -> Build:
    """Seeds, models and tests of a selector; marts change only if all of it passes (``macros/publish.sql``).

    :param as_of: ISO day; tags, follow-ups and advice are what was known then. Empty: the last day that landed.
    :param whole: compute everything anew, not only for persons of whom something landed since the last build
    :raises WellhouseError: another build is running, what the selector is made of is not there, the server crashed at
        the very end, or dbt did not get as far as running anything.
    """
    run_id = str(uuid.uuid4())
    written = target(settings) / "run_results.json"
    files = project or settings.root / "dbt_project"
    with _alone(settings):
        written.unlink(missing_ok=True)
        touched = increment.begin(settings, selector, files, whole)
        told = json.dumps({"as_of": as_of, "carry": touched is not None, "begun": selector})
        done = dbt(settings, "build", "--selector", selector, "--vars", told, project=project)
        if done.returncode == 0 and written.exists():
            increment.end(settings, selector, files, touched)
    if not written.exists():
        raise WellhouseError(f"dbt did not start building: {_first_error(done.stdout + done.stderr)}")
    results = [_node_result(entry) for entry in json.loads(written.read_text())["results"]]
    _record(settings, run_id, results)
    return Build(run_id, done.returncode == 0, results, touched)


def everything(settings: Settings, whole: bool = False) -> list[Build]:
    """Marts and scores, as the DAG ``build_marts`` makes them, without the gate.

    :param whole: as of :func:`build`
    :returns: what was built before scoring and after it
    :raises WellhouseError: one step failed; what was published before it stays.
    """
    builds = []
    for step in ("before_scoring", "score", "after_scoring"):
        if step == "score":
            command = [sys.executable, "-m", "models.score"]
            passed = subprocess.run(bound(command), cwd=settings.root, capture_output=True).returncode == 0
        else:
            builds.append(build(settings, step, whole=whole))
            passed = builds[-1].passed
        if not passed:
            raise WellhouseError(f"the step {step} of the build failed")
    return builds


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Two builds would build into the same tables; a killed one lets go with its connection."""
    with db.connect(ROLE, settings, autocommit=True) as connection:
        row = connection.execute("select pg_try_advisory_lock(hashtext('wellhouse dbt build'))").fetchone()
        if row != (True,):
            raise WellhouseError("another build is running: wait for it")
        yield


def _node_result(entry: dict[str, Any]) -> NodeResult:
    name = entry["unique_id"].split(".", 1)[1].removeprefix("wellhouse.")
    rows = entry.get("adapter_response", {}).get("rows_affected")
    failed = entry["status"] not in _GOOD
    return NodeResult(
        node=f"{entry['unique_id'].split('.', 1)[0]}.{name}",
        status=entry["status"],
        rows=rows if isinstance(rows, int) and rows >= 0 else None,
        seconds=float(entry["execution_time"]),
        message=_reason(entry.get("message")) if failed else None,
    )


def _reason(message: str | None) -> str | None:
    """What failed, without what PostgreSQL adds about the row it failed on."""
    if not message:
        return None
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return " ".join(line for line in lines[:2] if not line.startswith(("DETAIL", "CONTEXT", "LINE")))[:300]


def _record(settings: Settings, run_id: str, results: list[NodeResult]) -> None:
    with db.connect(ROLE, settings) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.model_run (run_id, node, status, rows, seconds, message) values (%s, %s, %s, %s, %s, %s)",
            [(run_id, r.node, r.status, r.rows, r.seconds, r.message) for r in results],
        )


def _first_error(text: str) -> str:
    """From dbt's ``Encountered an error:`` on, in one line; else the end of what it said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    start = next((n + 1 for n, line in enumerate(lines) if "Encountered an error" in line), max(0, len(lines) - 2))
    return " ".join(lines[start : start + 3])[:300] or "it said nothing"
