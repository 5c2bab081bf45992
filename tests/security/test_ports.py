"""Nothing of an installation listens where other machines could reach it, and everything that listens speaks TLS."""

from __future__ import annotations

import socket
import ssl
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from wellhouse.ops import certificates, health, installation, renewal, services, supervisor, trust
from wellhouse.settings import Settings

LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
LISTEN = "0A"


def listening(port: int) -> set[str]:
    """The addresses ``port`` listens on, as the kernel writes them."""
    rows = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    found = {row[1].rsplit(":", 1)[0] for row in rows if row[3] == LISTEN and int(row[1].rsplit(":", 1)[1], 16) == port}
    return found


def test_postgres_listens_on_this_machine_only(stack: Settings) -> None:
    assert listening(stack.postgres_port)
    assert listening(stack.postgres_port) <= LOOPBACK


def test_the_mllp_listener_listens_on_this_machine_only_and_is_well(stack: Settings) -> None:
    installation.start(stack, (services.POSTGRES, services.MLLP), print)
    assert listening(stack.mllp_port)
    assert listening(stack.mllp_port) <= LOOPBACK
    (listener,) = health.check(stack, [services.MLLP])
    assert (listener.state, listener.healthy) == ("RUNNING", True)


def test_the_monitor_listens_on_this_machine_only_and_is_well(stack: Settings) -> None:
    installation.start(stack, (services.POSTGRES, services.MONITOR), print)
    assert listening(stack.monitor_port)
    assert listening(stack.monitor_port) <= LOOPBACK
    (monitor,) = health.check(stack, [services.MONITOR])
    assert (monitor.state, monitor.healthy) == ("RUNNING", True)


@pytest.mark.parametrize("service", [services.MLLP, services.MONITOR])
def test_what_strangers_speak_to_has_a_limit_of_memory(stack: Settings, service: str) -> None:
    installation.start(stack, (services.POSTGRES, services.MLLP, services.MONITOR), print)
    (pid,) = [p["pid"] for p in supervisor._call(stack, "getAllProcessInfo") if p["name"] == service]
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (data,) = [line for line in limits if line.startswith("Max data size")]
    assert data.split()[3:5] == ["1073741824", "1073741824"]


def test_renewed_certificates_are_used_and_services_come_back(stack: Settings) -> None:
    installation.start(stack, (services.POSTGRES, services.MLLP, services.MONITOR), print)
    # whatever else runs here comes back, too: a port whose program is still coming up answers nobody
    running = [name for name, state in supervisor.states(stack).items() if state == "RUNNING"]
    before = {name: (stack.tls / f"{name}.crt").read_bytes() for name in ("mllp", "monitor", "ca")}
    assert set(renewal.renew(stack, 400)) == set(certificates.SERVICES)
    after = {name: (stack.tls / f"{name}.crt").read_bytes() for name in before}
    assert {name for name in before if before[name] != after[name]} == {"mllp", "monitor"}
    supervisor.wait_until(lambda: all(s.healthy for s in health.check(stack, running)), 120, "they are not well")


@pytest.mark.parametrize("service", ["mllp", "monitor"])
def test_plaintext_and_old_tls_and_another_name_are_refused(stack: Settings, service: str) -> None:
    installation.start(stack, (services.POSTGRES, services.MLLP, services.MONITOR), print)
    address = ("127.0.0.1", getattr(stack, f"{service}_port"))
    with socket.create_connection(address, 10) as plain:
        plain.settimeout(15)
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with suppress(ConnectionError):
            assert b"HTTP" not in plain.recv(1000)
    with socket.create_connection(address, 10) as plain, pytest.raises(ssl.SSLCertVerificationError):
        trust.context(stack).wrap_socket(plain, server_hostname="warehouse.example.org")
    old = trust.context(stack)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(address, 10) as plain, pytest.raises(OSError):  # noqa: PT011 - alert or reset
        old.wrap_socket(plain, server_hostname="localhost")


def test_superset_listens_on_this_machine_only_and_speaks_tls(stack: Settings, superset_url: str) -> None:
    assert listening(stack.superset_port)
    assert listening(stack.superset_port) <= LOOPBACK
    address = ("127.0.0.1", stack.superset_port)
    with (
        socket.create_connection(address, 10) as plain,
        trust.context(stack).wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_superset_is_refused_under_another_name(stack: Settings, superset_url: str) -> None:
    with (
        socket.create_connection(("127.0.0.1", stack.superset_port), 10) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        trust.context(stack).wrap_socket(plain, server_hostname="warehouse.example.org")
