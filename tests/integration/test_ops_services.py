"""The installation keeps its promises: TLS only, nothing as root, secrets to their owner, services that come back."""

from __future__ import annotations

import os
import pwd
import signal
import stat
import time
from pathlib import Path

import psycopg
import pytest

from wellhouse import db
from wellhouse.ops import bootstrap, cluster, health, installation, services, supervisor
from wellhouse.settings import Settings


def postmaster(of: Settings) -> int:
    return int((cluster.data(of) / "postmaster.pid").read_text().split()[0])


def test_postgres_is_well(stack: Settings) -> None:
    (postgres,) = health.check(stack, [services.POSTGRES])
    assert (postgres.state, postgres.healthy) == ("RUNNING", True)


def test_a_service_that_does_not_run_is_unhealthy(stack: Settings) -> None:
    (scheduler,) = health.check(stack, ["airflow-scheduler"])
    assert not scheduler.healthy


def test_plaintext_is_refused(stack: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(**db.parameters("wh_ops", stack) | {"sslmode": "disable"})


def test_another_host_name_is_refused(stack: Settings) -> None:
    named = {"host": "warehouse.example.org", "hostaddr": "127.0.0.1"}
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(**db.parameters("wh_ops", stack) | named)


def test_a_wrong_password_is_refused(stack: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**db.parameters("wh_ops", stack) | {"password": "guess"})


def test_the_server_never_runs_as_root(stack: Settings) -> None:
    owner = pwd.getpwuid(Path(f"/proc/{postmaster(stack)}").stat().st_uid).pw_name
    assert owner == ("postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    assert owner != "root"


def test_what_holds_secrets_is_its_owners_alone(stack: Settings) -> None:
    files = [*(stack.var / "secrets").iterdir(), *stack.tls.glob("*.key"), stack.var / "airflow" / "airflow.cfg"]
    assert len(files) > 10
    assert {oct(stat.S_IMODE(f.stat().st_mode)) for f in files} == {"0o600"}
    for folder in ("secrets", "run", "logs", "airflow", "services"):
        assert stat.S_IMODE((stack.var / folder).stat().st_mode) == 0o700, folder


def test_no_secret_is_in_a_command_line_an_environment_or_a_log(stack: Settings) -> None:
    secrets = {f.read_bytes().strip() for f in (stack.var / "secrets").iterdir()}
    places = [
        *Path("/proc").glob("[0-9]*/cmdline"),
        *Path("/proc").glob("[0-9]*/environ"),
        *stack.logs.glob("*.log"),
        supervisor.configuration_file(stack),
    ]
    for place in places:
        try:
            content = place.read_bytes()
        except OSError:  # the process has ended, or it is another user's
            continue
        assert not [s for s in secrets if s in content], place


def test_starting_what_runs_changes_nothing(stack: Settings) -> None:
    before = postmaster(stack), (stack.tls / "postgres.crt").read_bytes()
    began = time.monotonic()
    installation.start(stack, (services.POSTGRES,), print)
    assert (postmaster(stack), (stack.tls / "postgres.crt").read_bytes()) == before
    assert time.monotonic() - began < 15


def test_a_killed_postgres_comes_back(stack: Settings) -> None:
    killed = postmaster(stack)
    os.kill(killed, signal.SIGKILL)
    supervisor.wait_until(lambda: _restarted(stack, killed), 60, "PostgreSQL did not come back")
    bootstrap.wait(stack)
    with db.connect("wh_ingest", stack) as connection:
        assert connection.execute("select count(*) from ops.load").fetchone() is not None


def _restarted(of: Settings, before: int) -> bool:
    try:
        return postmaster(of) != before and supervisor.states(of)[services.POSTGRES] == "RUNNING"
    except (OSError, IndexError, ValueError):
        return False


def test_a_killed_supervisor_leaves_nothing_in_the_way(stack: Settings) -> None:
    killed = int((stack.var / "run" / "supervisord.pid").read_text())
    before = postmaster(stack)
    os.kill(killed, signal.SIGKILL)
    supervisor.wait_until(lambda: not supervisor.states(stack), 10, "the supervisor lives on")
    installation.start(stack, (services.POSTGRES,), print)
    assert supervisor.states(stack)[services.POSTGRES] == "RUNNING"
    assert postmaster(stack) != before


def test_nothing_leaves_its_memory_on_a_disk_when_it_crashes(stack: Settings) -> None:
    limits = Path(f"/proc/{postmaster(stack)}/limits").read_text().splitlines()
    (core,) = [line for line in limits if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]


def test_roles_that_answer_people_have_time_limits_and_no_service_is_a_superuser(stack: Settings) -> None:
    with bootstrap.administrator(stack) as server:
        superusers = server.execute("select rolname from pg_roles where rolsuper and rolcanlogin").fetchall()
    assert superusers == [(cluster.SUPERUSER,)]
    for role in ("wh_identity", "wh_access", "wh_ops"):
        with db.connect(role, stack) as connection:
            rows = connection.execute(
                "select current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
            ).fetchall()
        assert "0" not in rows[0], role
