"""Audit lines on their way to a log server: framed as RFC 5425 says, over verified TLS, or an error and no read."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wellhouse.audit import syslog
from wellhouse.ops import certificates
from wellhouse.settings import Settings


@dataclass
class Server:
    """A real TLS server on this machine; what it got, byte for byte."""

    port: int
    tls: Path
    got: bytearray = field(default_factory=bytearray)
    arrived: threading.Event = field(default_factory=threading.Event)
    clients: list[ssl.SSLSocket] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    certificates.ensure(tmp_path / "tls", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls" / "postgres.crt", tmp_path / "tls" / "postgres.key")
    listener = socket.create_server(("", 0))
    made = Server(listener.getsockname()[1], tmp_path / "tls")

    def serve() -> None:
        while True:
            try:
                client = context.wrap_socket(listener.accept()[0], server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            made.clients.append(client)
            threading.Thread(target=take, args=(client,), daemon=True).start()

    def take(client: ssl.SSLSocket) -> None:
        try:
            while data := client.recv(65536):
                made.got += data
                made.arrived.set()
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    yield made
    listener.close()
    for client in made.clients:
        client.close()


def settings(server: Server, host: str = "localhost", ca: bool = True) -> Settings:
    return Settings(audit_syslog=f"{host}:{server.port}", audit_syslog_ca=server.tls / "ca.crt" if ca else None)


def waited(server: Server, size: int) -> bytes:
    while len(server.got) < size:
        assert server.arrived.wait(5), "nothing arrived"
        server.arrived.clear()
    return bytes(server.got)


def test_a_line_is_framed_and_whole(server: Server) -> None:
    line = '{"kind":"event","entry":{"purpose":"复核"},"chain":"00"}\n'.encode()
    syslog.send(settings(server), line)
    syslog.send(settings(server), line)
    first = waited(server, len(line))
    while first.count(line.rstrip(b"\n")) < 2:
        first = waited(server, len(first) + 1)
    length, _, rest = first.partition(b" ")
    message = rest[: int(length)]
    assert message.startswith(b"<109>1 20")
    assert message.endswith(b" audit - " + line.rstrip(b"\n"))
    assert rest[int(length) :].partition(b" ")[0] == length, "the next frame follows at once"
    assert len(server.clients) == 1, "one connection for many lines"


def test_a_server_that_was_started_anew_is_found_again(server: Server) -> None:
    of = settings(server)
    syslog.send(of, b"one\n")
    waited(server, 40)
    server.clients[0].shutdown(socket.SHUT_RDWR)
    before = len(server.got)
    syslog.send(of, b"two\n")
    assert b"two" in waited(server, before + 40)


def test_no_server_no_line(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        syslog.send(Settings(audit_syslog=f"localhost:{port}"), b"x\n")


def test_only_the_server_that_the_certificate_names(server: Server) -> None:
    with pytest.raises(ssl.SSLError):
        syslog.send(settings(server, ca=False), b"unknown authority\n")
    with pytest.raises(ssl.SSLError):
        syslog.send(settings(server, host="127.0.0.2"), b"another name\n")
    assert b"unknown" not in server.got
    assert b"another" not in server.got


def test_no_address_nothing_is_sent() -> None:
    syslog.send(Settings(audit_syslog=None), b"x\n")
