"""What every DAG of Airflow shares: the owner's promises (retries, alert, time limits) and how one call is made.

A task is one call of `wellhouse …` or `python -m models.…` in the project's root; how the work is done is theirs.
"""

from __future__ import annotations

import datetime as dt
import shlex
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Asset

from wellhouse.settings import settings

ROOT = str(settings().root)
SUBJECTS = ("exam", "questionnaire", "follow_up", "call_recording", "consultation", "card", "intervention", "care_plan")
LANDED = {subject: Asset(f"landing.{subject}", f"wellhouse://landing/{subject}") for subject in SUBJECTS}
"""Updated when a subject's inbox was read."""
MARTS = Asset("marts", "wellhouse://marts")
"""Updated when readers see a new build."""


def defaults(doc: str | None, *tags: str, owner: str = "data-engineering", hours: int = 2) -> dict[str, Any]:
    """Arguments of a DAG: one run at a time, no runs for days gone by, none longer than ``hours``.

    There is no start date, so that a DAG that is switched on waits for its next hour instead of making up for the last.
    """
    return {
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": dt.timedelta(hours=hours),
        "doc_md": doc,
        "tags": list(tags),
        "default_args": {
            "owner": owner,
            "retries": 2,
            "retry_delay": dt.timedelta(minutes=1),
            "execution_timeout": dt.timedelta(hours=hours) / 2,
            "on_failure_callback": alert,
            "do_xcom_push": False,  # the last line of a command's output is nobody's business
        },
    }


def wellhouse(task_id: str, *arguments: str, **options: Any) -> BashOperator:
    """A task that is one call of `wellhouse …`; a path may have a wildcard."""
    return BashOperator(task_id=task_id, bash_command=_command("wellhouse", *arguments), cwd=ROOT, **options)


def model(task_id: str, verb: str, *arguments: str, **options: Any) -> BashOperator:
    """A task that is one call of `python -m models.<verb> …`."""
    command = _command("python", "-m", f"models.{verb}", *arguments)
    return BashOperator(task_id=task_id, bash_command=command, cwd=ROOT, **options)


def ingest(subject: str, batches: int = 1) -> None:
    """Read a subject's folders of the inbox in so many batches: the number of tasks never grows with files."""
    folders = f"{settings().inbox}/*/{subject}"
    BashOperator.partial(task_id="ingest", cwd=ROOT, outlets=[LANDED[subject]]).expand(
        bash_command=[
            _command("wellhouse", "ingest", folders, "--source", subject, "--batch", f"{number}/{batches}")
            for number in range(1, batches + 1)
        ]
    )


def alert(context: Any) -> None:
    """One line for whoever is on duty: in the task's log and in ``var/logs/alerts.log``, which `make logs` follows."""
    task = context["task_instance"]
    now = dt.datetime.now(ZoneInfo(settings().timezone)).isoformat(timespec="seconds")
    line = f"{now} ALERT {task.dag_id}.{task.task_id} failed in run {task.run_id} (owner {task.task.owner})"
    print(line)
    settings().logs.mkdir(parents=True, exist_ok=True)
    with (settings().logs / "alerts.log").open("a") as file:
        file.write(line + "\n")


def _command(program: str, *arguments: str) -> str:
    return " ".join(map(_quoted, (str(Path(sys.executable).with_name(program)), *arguments)))


def _quoted(argument: str) -> str:
    """For the shell, which still expands ``*``."""
    return "*".join(shlex.quote(part) if part else "" for part in argument.split("*"))
