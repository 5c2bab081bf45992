"""Every alert fires when its fault is there and ends when it is gone; people hear of it over verified TLS only."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.integration import backups
from tests.mail_server import mail_server
from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.monitor import measures, notify, rules, server
from wellhouse.monitor.watch import Watch
from wellhouse.ops import certificates, pgbackrest, renewal, trust
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings

SHORTENED = {"archive_stalled": {"above": 0.5}}
"""Nobody waits for two minutes in a test; the measure and the rule are the real ones."""
PROVEN: set[str] = set()


@pytest.fixture(scope="module")
def own(backed_up: Settings) -> Settings:
    """What other tests left behind is well again."""
    assert backups.command(backed_up, "backup", "verify").returncode == 0
    return backed_up


def firing(of: Settings, began: float | None = None) -> set[str]:
    """The rules that do not hold now, had every breach lasted long enough."""
    found = measures.collect(of, began or time.time())
    given = [replace(r, for_s=0, **SHORTENED.get(r.rule, {})) for r in rules.load(PROJECT_ROOT)]
    alerts, _ = rules.State().update(given, found, time.time())
    return {a.key for a in alerts}


@contextmanager
def proven(of: Settings, key: str, began: float | None = None) -> Iterator[None]:
    """Inside, the fault is there and the alert fires; before and after it does not."""
    assert key not in firing(of)
    try:
        yield
        assert key in firing(of, began)
        PROVEN.add(key.split("(")[0])
    finally:
        pass


def execute(of: Settings, role: str, statement: str, database: str | None = None) -> None:
    with psycopg.connect(**db.parameters(role, of, database), autocommit=True) as connection:
        connection.execute(statement)


def test_a_service_that_does_not_answer(own: Settings) -> None:
    assert "service_down(service=superset)" in firing(own)
    PROVEN.add("service_down")


def test_marts(own: Settings) -> None:
    insert = "insert into ops.model_run (run_id, node, status, seconds, at) values ('r', 'model.wellhouse.fct_exam', "
    with proven(own, "mart_stale(mart=fct_exam)"):
        execute(own, "wh_ops", f"{insert} 'success', 1, now() - interval '2 days')")
    with proven(own, "mart_failed(mart=fct_exam)"):
        execute(own, "wh_ops", f"{insert} 'error', 1, now() - interval '1 hour')")
    execute(own, "wh_ops", f"{insert} 'success', 1, now())")
    assert not {k for k in firing(own) if k.startswith("mart")}


def test_the_gate(own: Settings) -> None:
    insert = "insert into ops.gate_result (run_id, table_name, expectations, failed, critical_failed, details, seconds)"
    with proven(own, "gate_failed(table=landing.exam)"):
        execute(own, "wh_transform", f"{insert} values ('r1', 'landing.exam', 1, 1, 1, '{{}}', 1)")
    execute(own, "wh_transform", f"{insert} values ('r2', 'landing.exam', 1, 0, 0, '{{}}', 1)")
    assert "gate_failed(table=landing.exam)" not in firing(own)


def test_a_dag_that_failed(own: Settings) -> None:
    """The columns of Airflow's table; tests/dags asks the real one."""
    execute(
        own, "airflow", "create table if not exists dag_run (dag_id text, state text, end_date timestamptz)", "airflow"
    )
    with proven(own, "dag_failed(dag=build_marts)"):
        execute(own, "airflow", "insert into dag_run values ('build_marts', 'failed', now())", "airflow")
    execute(own, "airflow", "insert into dag_run values ('build_marts', 'success', now())", "airflow")
    assert "dag_failed(dag=build_marts)" not in firing(own)


def test_what_is_refused(own: Settings, tmp_path: Path) -> None:
    file = tmp_path / "hz" / "card" / "card_2024.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x00\xff\xfe garbage")
    with proven(own, "file_refused(source=card)"), proven(own, "many_rejects(source=card)"):
        backups.command(own, "ingest", str(file), "--source", "card", "--site", "hz")


def test_what_cannot_be_measured(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with proven(own, "not_measured(what=places)"):
        monkeypatch.setattr(pgbackrest, "elsewhere", lambda _: 1 / 0)
    monkeypatch.undo()
    assert "not_measured(what=places)" not in firing(own)


def test_backups_that_are_old(own: Settings) -> None:
    away = own.var.parent / "away"
    repo = pgbackrest.local(own, 2)
    assert repo
    repo.rename(away)
    try:
        with proven_without_before(own, "backup_old(kind=database,repo=2)", began=time.time() - 2 * 86400):
            pass
    finally:
        away.rename(repo)
    with administrator(own, own.database) as server:
        server.execute("update ops.drill set at = at - interval '10 days'")
    assert "drill_old(repo=1)" in firing(own, time.time() - 10 * 86400)
    PROVEN.add("drill_old")


@contextmanager
def proven_without_before(of: Settings, key: str, began: float) -> Iterator[None]:
    yield
    assert key in firing(of, began)
    PROVEN.add(key.split("(")[0])


def test_damage_failure_and_a_lost_repository(own: Settings) -> None:
    repo = pgbackrest.local(own, 1)
    assert repo
    files = sorted((repo / "backup").rglob("*.zst"), key=lambda p: p.stat().st_size)
    with proven(own, "backup_damaged(kind=database,repo=1)"):
        backups.flip(files[-1])
        assert backups.command(own, "backup", "verify").returncode == 1
    backups.flip(files[-1])
    assert backups.command(own, "backup", "verify").returncode == 0
    assert "backup_damaged(kind=database,repo=1)" not in firing(own)
    away = own.var.parent / "away"
    with (
        proven(own, "archive_stalled"),
        proven(own, "backup_failed(kind=database,repo=1)"),
        proven(own, "drill_failed(repo=1)"),
    ):
        repo.rename(away)
        repo.write_text("no folder: nothing can be written here")
        assert backups.command(own, "backup", "run").returncode == 1
        execute(own, "wh_backup", "select pg_switch_wal()")
        deadline = time.monotonic() + 90
        while "archive_stalled" not in firing(own) and time.monotonic() < deadline:
            time.sleep(0.5)
        execute(
            own, "wh_ops", "insert into ops.drill (repo, target, tables, rows, mismatched, seconds, status, reason) "
            "values (1, now(), 0, 0, '{}', 0, 'failed', 'no such repository')",
        )  # fmt: skip
    repo.unlink()
    away.rename(repo)
    assert backups.command(own, "restore", "drill").returncode == 0
    assert not {k for k in firing(own) if k.startswith(("archive", "drill"))}


def test_a_disk_that_is_full(own: Settings) -> None:
    small = own.var.parent / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        of = own.model_copy(update={"backup_repo2": str(small)})
        with proven(of, "disk_full(disk=repo2)"), suppress(OSError):
            (small / "file").write_bytes(bytes(8 << 20))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_both_repositories_beside_the_data(own: Settings) -> None:
    assert "backups_beside_data" in firing(own)
    PROVEN.add("backups_beside_data")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        moved = own.model_copy(update={"backup_repo2": other})
        assert pgbackrest.elsewhere(moved) == [2]
        assert "backups_beside_data" not in firing(moved)
    far = own.model_copy(update={"backup_repo1": "s3://bucket/wellhouse"})
    assert pgbackrest.elsewhere(far) == [1]


def test_certificates_that_expire_are_renewed(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with proven(own, "certificate_expires(certificate=postgres)"):
        monkeypatch.setattr(certificates, "SERVER_DAYS", 10)
        certificates.issue(own.tls, "postgres")
        monkeypatch.undo()
    before = shown(own)
    assert renewal.renew(own, 30) == ["postgres"]
    deadline = time.monotonic() + 20
    while shown(own) == before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert shown(own) == (own.tls / "postgres.crt").read_bytes().strip()
    assert "certificate_expires(certificate=postgres)" not in firing(own)


def shown(of: Settings) -> bytes:
    """The certificate that the server shows a new connection."""
    with socket.create_connection(("127.0.0.1", of.postgres_port)) as plain:
        plain.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
        assert plain.recv(1) == b"S"
        with trust.context(of).wrap_socket(plain, server_hostname="localhost") as secure:
            content = secure.getpeercert(binary_form=True)
    assert content
    return ssl.DER_cert_to_PEM_cert(content).encode().strip()


def test_keys(own: Settings) -> None:
    with proven(own, "key_old"), sqlite3.connect(own.keystore / "keystore.sqlite") as store:
        store.execute("update kek set since = '2020-01-01T00:00:00.000Z'")
    with Keyring.open(own) as ring:
        ring.rotate()
    assert "key_old" not in firing(own)
    kek = own.var / "secrets" / "kek"
    with proven(own, "keystore_closed"):
        kek.rename(kek.with_name("away"))
    kek.with_name("away").rename(kek)
    assert "keystore_closed" not in firing(own)


def test_a_scheduler_that_runs_nothing(own: Settings) -> None:
    import os

    file = own.var / "run" / measures.HEARTBEAT
    with proven(own, "scheduler_silent"):
        os.utime(file, (time.time() - 1300,) * 2)
    measures.beat(own)
    assert "scheduler_silent" not in firing(own)


def test_every_rule_was_proven() -> None:
    if len(PROVEN) < 10:
        pytest.skip("the tests before this one did not run")
    unproven = {r.rule for r in rules.load(PROJECT_ROOT)} - PROVEN
    assert unproven <= {"disk_full"}, "a rule that nobody has seen firing"


@pytest.fixture
def metrics(own: Settings) -> Iterator[Settings]:
    stop = threading.Event()
    thread = threading.Thread(target=server.serve, args=(own, stop))
    thread.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", own.monitor_port), 1):
            break
        time.sleep(0.1)
    yield own
    stop.set()
    thread.join()


def test_prometheus_needs_tls_the_name_and_the_token(metrics: Settings) -> None:
    address = f"https://localhost:{metrics.monitor_port}"
    with httpx.Client(verify=trust.context(metrics), trust_env=False, timeout=30) as client:
        assert client.get(f"{address}/health").text == "OK\n"
        assert client.get(f"{address}/metrics").status_code == 401
        assert client.get(f"{address}/metrics", headers={"Authorization": "Bearer guess"}).status_code == 401
        assert client.get(f"{address}/../secrets/kek").status_code == 404
        token = {"Authorization": f"Bearer {metrics.secret(server.TOKEN)}"}
        deadline = time.monotonic() + 30
        while "wellhouse_disk_free_share" not in (text := client.get(f"{address}/metrics", headers=token).text):
            assert time.monotonic() < deadline
            time.sleep(0.3)
    assert 'wellhouse_service_up{service="superset"} 0.0' in text
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{metrics.monitor_port}/health", timeout=5, trust_env=False)
    with (
        socket.create_connection(("127.0.0.1", metrics.monitor_port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        trust.context(metrics).wrap_socket(raw, server_hostname="warehouse.example.org")


def test_a_client_that_says_nothing_holds_up_nobody(metrics: Settings) -> None:
    with socket.create_connection(("127.0.0.1", metrics.monitor_port)):
        began = time.monotonic()
        with httpx.Client(verify=trust.context(metrics), trust_env=False, timeout=5) as client:
            assert client.get(f"https://localhost:{metrics.monitor_port}/health").text == "OK\n"
        assert time.monotonic() - began < 4


NOTICE = notify.Notice("firing", "disk_full(disk=var)", "critical", "a disk", "磁盘", "2026-01-01T00:00:00+08:00")


@pytest.fixture
def receiver(own: Settings) -> Iterator[tuple[Settings, list[tuple[str | None, dict[str, object]]]]]:
    """A webhook's server with a certificate of our authority."""
    heard: list[tuple[str | None, dict[str, object]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.headers.get("Authorization"), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.tls / "superset.crt", own.tls / "superset.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"https://localhost:{listening.server_address[1]}/alerts"
        yield own.model_copy(update={"alert_webhook_url": url, "alert_ca": own.tls / "ca.crt"}), heard
        listening.shutdown()
        thread.join()


def test_a_webhook_hears_of_it(receiver: tuple[Settings, list[tuple[str | None, dict[str, object]]]]) -> None:
    of, heard = receiver
    (of.var / "secrets" / "alert_webhook_token").write_text("t0ken")
    notify.channels(of)["webhook"](of, [NOTICE])
    assert heard == [("Bearer t0ken", {"alerts": [NOTICE.as_json()]})]
    for changed in ({"alert_ca": None}, {"alert_webhook_url": (of.alert_webhook_url or "").replace("https", "http")}):
        with pytest.raises(WellhouseError):
            notify.channels(of)["webhook"](of.model_copy(update=changed), [NOTICE])
    assert len(heard) == 1


def test_what_nobody_takes_waits_and_is_told_later(
    receiver: tuple[Settings, list[tuple[str | None, dict[str, object]]]], unused_ports: Callable[[int], list[int]]
) -> None:
    of, heard = receiver
    dead = of.model_copy(update={"alert_webhook_url": f"https://localhost:{unused_ports(1)[0]}/"})
    watch = Watch(dead)
    with (of.logs / "alerts.log").open("a") as file:
        file.write("now ALERT build_marts.gate failed in run r1 (owner o)\n")
    assert watch.round()
    assert heard == []
    with (of.logs / "alerts.log").open("a") as file:
        file.write("now ALERT build_marts.gate failed in run r2 (owner o)\n")
    for _ in range(2):  # killed, both times: what it had not told, or not even read, is told by the next, once
        Watch(of).round()
    told = [a["en"] for _, body in heard for a in body["alerts"]]  # type: ignore[attr-defined]
    for run in ("r1", "r2"):
        assert told.count(f"build_marts.gate failed in run {run} (owner o)") == 1
    assert len(told) == len(set(told)), "an alert that fires is not told again by the next"


def test_a_full_disk_is_told_of(receiver: tuple[Settings, list[tuple[str | None, dict[str, object]]]]) -> None:
    """Nothing can be written any more, which is what must be told."""
    of, heard = receiver
    watch = Watch(of)
    with (of.logs / "alerts.log").open("a") as file:
        file.write("now ALERT back_up.back_up failed in run r9 (owner o)\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        watch.round()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "back_up.back_up failed in run r9 (owner o)" in str(heard)


def test_mail_is_sent_over_verified_tls_only(own: Settings) -> None:
    of = own.model_copy(
        update={"alert_smtp_host": "localhost", "alert_smtp_to": "duty@example.org", "alert_ca": own.tls / "ca.crt"}
    )
    with mail_server(own, tls=True) as (port, mails):
        of = of.model_copy(update={"alert_smtp_port": port})
        notify.channels(of)["e-mail"](of, [NOTICE])
        (mail,) = mails
        assert "Subject: [wellhouse] critical: disk_full(disk=var)" in mail
        with pytest.raises(WellhouseError, match="did not take it: SSLCertVerificationError"):
            notify.channels(of)["e-mail"](of.model_copy(update={"alert_ca": None}), [NOTICE])
    with mail_server(own, tls=False) as (port, mails):
        with pytest.raises(WellhouseError, match="did not take it: SMTPNotSupportedError"):
            notify.channels(of)["e-mail"](of.model_copy(update={"alert_smtp_port": port}), [NOTICE])
        assert mails == []
