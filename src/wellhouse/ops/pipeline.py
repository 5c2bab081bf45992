"""Run DAGs through Airflow's REST API and wait for them: what an operator does in the browser, as one command."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import httpx

from wellhouse.errors import WellhouseError
from wellhouse.ops import airflow, stamps, trust
from wellhouse.settings import Settings
from wellhouse.signin import service

BUILD = "build_marts"
AT_ONCE = ("back_up", "heartbeat")
"""Their first runs begin when they are switched on: there is a backup, and a sign of life, from the first hour on."""
KNOWN_WITHIN_S = 180
POLL_S = 2.0
ANSWERS_WITHIN_S = 120
"""How long a question waits for an API server that was killed and is started again."""
GRACE_S = 10.0
"""How long a landing may take to start a build by itself."""
ENDED = ("success", "failed")
_ON = "once"

Say = Callable[[str], None]


class Airflow:
    """One session of our own program, which signs in by an assertion; use it as a context manager."""

    def __init__(self, of: Settings) -> None:
        """Sign in.

        :raises WellhouseError: Airflow does not answer, or does not let the administrator in
        """
        self.url = airflow.url(of)
        try:
            verify = trust.context(of)
        except OSError:
            raise WellhouseError(f"there is no certificate authority in {of.tls}: start the services first") from None
        self._http = httpx.Client(base_url=self.url, verify=verify, timeout=60, trust_env=False)
        headers = {service.HEADER: service.assertion(of, "airflow")}
        try:
            token = self._request("POST", "/auth/token", json={}, headers=headers)["access_token"]
        except BaseException:
            self._http.close()
            raise
        self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Airflow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def wait_until_known(self, dag: str) -> None:
        """Airflow has read the DAG's file.

        :raises WellhouseError: it did not within three minutes, or the file does not import
        """
        deadline = time.monotonic() + KNOWN_WITHIN_S
        while self._call("GET", f"/api/v2/dags/{dag}").status_code == 404:
            errors = self._request("GET", "/api/v2/importErrors")["import_errors"]
            if any(str(e["filename"]).endswith(f"{dag}.py") for e in errors):
                raise WellhouseError(f"Airflow could not import dags/{dag}.py: see its page of import errors")
            if time.monotonic() > deadline:
                raise WellhouseError(f"Airflow does not know the DAG {dag}")
            time.sleep(POLL_S)

    def paused(self, dag: str) -> bool:
        return bool(self._request("GET", f"/api/v2/dags/{dag}")["is_paused"])

    def unpause(self, dag: str) -> None:
        self._request("PATCH", f"/api/v2/dags/{dag}", json={"is_paused": False})

    def trigger(self, dag: str) -> str:
        """Start a run and return its id."""
        return str(self._request("POST", f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None})["dag_run_id"])

    def run(self, dag: str, run_id: str) -> dict[str, Any]:
        return self._request("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}")

    def newest_run(self, dag: str) -> dict[str, Any] | None:
        params: dict[str, Any] = {"limit": 1, "order_by": "-run_after"}
        runs = self._request("GET", f"/api/v2/dags/{dag}/dagRuns", params=params)["dag_runs"]
        return runs[0] if runs else None

    def failed_task(self, dag: str, run_id: str) -> str:
        """The first task that failed; empty when none did, as when the whole run took too long."""
        failed = [t for t in self.tasks(dag, run_id) if t["state"] == "failed"]
        return str(min(failed, key=lambda t: t["end_date"] or "")["task_id"]) if failed else ""

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        path = f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances"
        return list(self._request("GET", path, params={"limit": 100})["task_instances"])

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._call(method, path, **options)
        if answer.is_error:
            raise WellhouseError(f"Airflow refused {method} {path} with {answer.status_code}")
        return dict(answer.json())

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A question is asked again; an order may have been heard, so it is not given twice."""
        deadline = time.monotonic() + (ANSWERS_WITHIN_S if method == "GET" else 0)
        while True:
            try:
                return self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                if time.monotonic() > deadline:
                    raise WellhouseError(f"Airflow does not answer on {self.url}: {type(error).__name__}") from None
            time.sleep(POLL_S)


def names(of: Settings) -> tuple[str, ...]:
    """Every DAG of this project: each is a file of its name."""
    return tuple(sorted(f.stem for f in (of.root / "dags").glob("*.py") if not f.name.startswith("_")))


def run(of: Settings, dags: Iterable[str], say: Say) -> None:
    """Ingest first, all subjects at once; when all have landed, one build; then the others. Each is switched on.

    :param dags: which ones; none: everything that ingests, and the build
    :raises WellhouseError: a run failed; the first failing task is named
    """
    known = names(of)
    ingest = [dag for dag in known if dag.startswith("ingest_")]
    wanted = set(dags) or {*ingest, BUILD}
    if unknown := sorted(wanted - set(known)):
        raise WellhouseError(f"there is no DAG {unknown[0]}: there are {', '.join(known)}")
    with Airflow(of) as api:
        for dag in sorted(wanted):
            api.wait_until_known(dag)
        landings = {dag: _start(api, dag) for dag in ingest if dag in wanted}
        _wait(api, landings, say)
        if BUILD in wanted:
            _wait(api, {BUILD: _start_build(api, landings)}, say)
        _wait(api, {dag: _start(api, dag) for dag in sorted(wanted - {*ingest, BUILD})}, say)


def switch_on(of: Settings) -> None:
    """Every DAG runs by the clock from now on: Airflow makes each of them paused.

    Each is switched on once: whoever pauses it afterwards means it. One that has run before was switched on by hand, or
    before its stamp was lost with this machine.
    """
    undecided = [dag for dag in names(of) if not stamps.done(of, _stamp(dag), _ON)]
    if not undecided:
        return
    with Airflow(of) as api:
        for dag in undecided:
            api.wait_until_known(dag)
            if api.paused(dag) and api.newest_run(dag) is None:
                api.unpause(dag)
                if dag in AT_ONCE:
                    api.trigger(dag)
            stamps.put(of, _stamp(dag), _ON)


def _stamp(dag: str) -> str:
    return f"switched_on_{dag}"


def _start(api: Airflow, dag: str) -> str:
    api.unpause(dag)
    return api.trigger(dag)


def _start_build(api: Airflow, landings: dict[str, str]) -> str:
    """The run that builds on what has just landed.

    A build that is switched off is not started by landings, so it is started here. One that is switched on starts by
    itself; if it was building while the last subject landed, once more after that.
    """
    if api.paused(BUILD) or not landings:
        return _start(api, BUILD)
    # when the last task ended, not when we saw it: the build it starts is quicker than we are
    ends = [task["end_date"] for dag, run_id in landings.items() for task in api.tasks(dag, run_id)]
    landed = max(dt.datetime.fromisoformat(end) for end in ends if end)
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline:
        newest = api.newest_run(BUILD)
        if newest and (newest["start_date"] is None or dt.datetime.fromisoformat(newest["start_date"]) >= landed):
            return str(newest["dag_run_id"])
        if newest and newest["state"] not in ENDED:
            deadline = time.monotonic() + GRACE_S
        time.sleep(POLL_S)
    return api.trigger(BUILD)


def _wait(api: Airflow, runs: dict[str, str], say: Say) -> None:
    """Until every run has ended; one line for each change of state."""
    began = time.monotonic()
    states: dict[str, str] = {}
    while any(states.get(dag) not in ENDED for dag in runs):
        for dag in (d for d in runs if states.get(d) not in ENDED):
            state = str(api.run(dag, runs[dag])["state"])
            if state != states.get(dag):
                states[dag] = state
                say(f"{dag}: {state}" + (f" after {time.monotonic() - began:.0f} s" if state in ENDED else ""))
        if any(states[dag] not in ENDED for dag in runs):
            time.sleep(POLL_S)
    failed = [dag for dag in runs if states[dag] == "failed"]
    if failed:
        task = api.failed_task(failed[0], runs[failed[0]])
        named = f"task {task} of {failed[0]} failed" if task else f"{failed[0]} failed"
        more = f" ({', '.join(failed[1:])} too)" if len(failed) > 1 else ""
        raise WellhouseError(f"{named}{more}: see {api.url}/dags/{failed[0]}/runs/{runs[failed[0]]}")
