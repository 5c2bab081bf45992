"""The MLLP listener as it runs, with a real TLS client: what it acknowledges is on disk, whatever happens to it."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wellhouse.mllp.answer import END, START
from wellhouse.ops import certificates
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings


def message(number: int | str, status: str = "F", size: int = 0) -> bytes:
    return (
        f"MSH|^~\\&|LIS|HZ|WH|HZ|20240305120000||ORU^R01^ORU_R01|M{number}|P|2.5.1||||||UNICODE UTF-8\r"
        f"PID|1||L{number}^^^^MR||陆^羽||19900307|M\rOBR|1|O1|F1|CBC^血常规|||20240305080000\r"
        f"OBX|1|NM|718-7^血红蛋白^LN||14{len(str(number))}|g/L|||||{status}\rNTE|1||{'x' * size}\r"
    ).encode()


class Client:
    """One connection of a sender."""

    def __init__(self, of: Settings, certificate: tuple[Path, Path] | None = None) -> None:
        context = ssl.create_default_context(cafile=of.tls / "ca.crt")
        if certificate:
            context.load_cert_chain(*certificate)
        plain = socket.create_connection(("127.0.0.1", of.mllp_port), 20)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._buffer = b""

    def raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> bytes:
        """The next frame's content; nothing when the listener has closed."""
        while END not in self._buffer:
            part = self._socket.recv(65536)
            if not part:
                return b""
            self._buffer += part
        frame, _, self._buffer = self._buffer.partition(END)
        return frame.removeprefix(START)

    def send(self, content: bytes) -> str:
        """MSA of the answer."""
        self.raw(START + content + END)
        return self.answer().split(b"\r")[1].decode()

    def close(self) -> None:
        self._socket.close()


class Listener:
    """``wellhouse mllp serve`` on a folder of its own."""

    def __init__(self, of: Settings) -> None:
        self.of = of
        self._process: subprocess.Popen[bytes] | None = None

    def wellhouse(self, *arguments: str) -> None:
        subprocess.run(["wellhouse", *arguments], env=self._environment(), check=True, capture_output=True)

    def start(self, biggest_file: int | None = None) -> None:
        """:param biggest_file: bytes; a disk that is full, as the process sees it"""

        def limit() -> None:
            if biggest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (biggest_file, biggest_file))

        self._process = subprocess.Popen(
            ["wellhouse", "mllp", "serve"], env=self._environment(), stdout=subprocess.PIPE, preexec_fn=limit
        )
        assert self._process.stdout is not None
        assert b"listening" in self._process.stdout.readline()

    def end(self, number: signal.Signals) -> bytes:
        """What it had said."""
        assert self._process is not None
        self._process.send_signal(number)
        said, _ = self._process.communicate(timeout=20)
        self._process = None
        return said

    def stop(self) -> None:
        if self._process is not None:
            self.end(signal.SIGKILL)

    def files(self) -> list[Path]:
        return sorted([*(self.of.var / "mllp").glob("*.hl7"), *self.of.inbox.glob("*/exam/*.hl7")])

    def stored(self) -> list[bytes]:
        return [m.removeprefix(START) for f in self.files() for m in f.read_bytes().split(END)[:-1]]

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "WELLHOUSE_VAR": str(self.of.var),
            "WELLHOUSE_MLLP_PORT": str(self.of.mllp_port),
            "WELLHOUSE_MLLP_BATCH_MINUTES": str(self.of.mllp_batch_minutes),
        }


def client_certificate(folder: Path) -> tuple[Path, Path]:
    """One that a sender made for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "LIS")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    crt, pem = folder / "lis.crt", folder / "lis.key"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return crt, pem


@pytest.fixture
def listener(tmp_path: Path, unused_ports: Callable[[int], list[int]]) -> Iterator[Listener]:
    of = Settings(var=tmp_path / "var", mllp_port=unused_ports(1)[0])
    of.var.mkdir()
    certificates.ensure(of.tls)
    made = Listener(of)
    made.wellhouse("mllp", "allow", "hz", "--network", "127.0.0.1")
    try:
        yield made
    finally:
        made.stop()


def test_what_was_acknowledged_survives_a_kill_and_is_stored_once(listener: Listener) -> None:
    listener.start()
    acknowledged: set[bytes] = set()

    def sender(first: int) -> None:
        with suppress(OSError, IndexError):  # the listener is killed under its hands
            client = Client(listener.of)
            for number in range(first, first + 100_000):
                if client.send(message(number)) == f"MSA|AA|M{number}":
                    acknowledged.add(message(number))

    threads = [threading.Thread(target=sender, args=(n * 1_000_000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(acknowledged) < 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    listener.end(signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert len(acknowledged) >= 200
    assert acknowledged <= set(listener.stored())

    listener.start()
    client = Client(listener.of)
    again = sorted(acknowledged)[:50]
    assert {client.send(each)[:6] for each in again} == {"MSA|AA"}
    client.close()
    listener.end(signal.SIGTERM)
    stored = listener.stored()
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)
    assert [f.parent.relative_to(listener.of.inbox) for f in listener.files()] == [Path("hz/exam")]


def test_a_full_disk_is_answered_with_an_error_and_nothing_half(listener: Listener) -> None:
    listener.start(biggest_file=8000)
    client = Client(listener.of)
    assert client.send(message(1)) == "MSA|AA|M1"
    assert client.send(message(2, size=9000)) == "MSA|AE|M2|not stored: send it again"
    assert client.send(message(3)) == "MSA|AA|M3"
    assert listener.stored() == [message(1), message(3)]


def test_plaintext_and_strangers_are_refused(listener: Listener) -> None:
    listener.start()
    with socket.create_connection(("127.0.0.1", listener.of.mllp_port), 20) as plain:
        plain.sendall(START + message(1) + END)
        assert START not in plain.recv(1000)
    (listener.of.var / "mllp" / "senders.yaml").unlink()
    stranger = Client(listener.of)
    with suppress(OSError):
        stranger.raw(START + message(2) + END)
        assert stranger.answer() == b""
    assert listener.stored() == []
    assert b"no sender that is allowed" in listener.end(signal.SIGTERM)


def test_a_certificate_may_be_asked_for(listener: Listener, tmp_path: Path) -> None:
    crt, key = client_certificate(tmp_path)
    (listener.of.var / "mllp" / "senders.yaml").unlink()
    listener.wellhouse("mllp", "allow", "sh", "--network", "127.0.0.0/8", "--certificate", str(crt))
    listener.start()
    without = Client(listener.of)
    with suppress(OSError):
        without.raw(START + message(1) + END)
        assert without.answer() == b""
    assert Client(listener.of, (crt, key)).send(message(2)) == "MSA|AA|M2"
    assert [f.stem for f in listener.files()] == ["sh"]


def test_the_site_follows_from_what_the_message_says(listener: Listener) -> None:
    (listener.of.var / "mllp" / "senders.yaml").unlink()
    for site in ("hz", "sh"):
        listener.wellhouse("mllp", "allow", site, "--network", "127.0.0.1", "--facility", site.upper())
    listener.start()
    client = Client(listener.of)
    assert client.send(message(1)).startswith("MSA|AA")
    assert client.send(message(2).replace(b"|LIS|HZ|", b"|LIS|SH|")).startswith("MSA|AA")
    assert client.send(message(3).replace(b"|LIS|HZ|", b"|LIS|CD|")).startswith("MSA|AR|M3|unknown_sender")
    assert [f.stem for f in listener.files()] == ["hz", "sh"]


def test_defects_are_rejected_and_the_connection_goes_on_where_it_can(listener: Listener) -> None:
    listener.start()
    client = Client(listener.of)
    assert client.send(message("1").replace(b"ORU^R01^ORU_R01", b"ADT^A01")).startswith("MSA|AR|M1|unsupported_message")
    assert client.send(b"PID|1||P1").startswith("MSA|AR||no_msh")
    client.raw(START + message("2") + END + b"\r\n" + START + message("3") + END)
    assert [client.answer().split(b"\r")[1] for _ in range(2)] == [b"MSA|AA|M2", b"MSA|AA|M3"]
    client.raw(message("4"))
    assert b"MSA|AR||bad framing" in client.answer()
    assert client.answer() == b""
    inside = Client(listener.of)
    inside.raw(START + message("5") + START + message("6") + END)
    assert b"MSA|AR|M5|bad framing" in inside.answer()
    too_long = Client(listener.of)
    with suppress(OSError):
        too_long.raw(START + b"x" * (40 << 20))
    assert listener.stored() == [message("2"), message("3")]
    said = listener.end(signal.SIGTERM)
    for personal in ("陆", "羽", "L1", "P1"):
        assert personal.encode() not in said


def test_what_the_listener_took_is_ingested(
    stack: Settings, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the inbox of a running installation, and from there as any file."""
    monkeypatch.setattr(listener, "of", stack.model_copy(update={"mllp_port": listener.of.mllp_port}))
    certificates.ensure(stack.tls)
    listener.wellhouse("mllp", "allow", "mllp", "--network", "127.0.0.1")
    listener.start()
    client = Client(listener.of)
    assert client.send(message(1)).startswith("MSA|AA")
    assert client.send(message(1, status="D")).startswith("MSA|AA")
    client.close()
    listener.end(signal.SIGTERM)
    files = [file for batch in ("1/2", "2/2") for file in as_the_dag_does(stack, batch)]
    assert [(f["format"], f["read"], f["loaded"]) for f in files] == [("hl7v2", 2, 2)]
    assert not list(stack.inbox.glob("mllp/exam/*"))
    with administrator(stack, stack.database) as server:
        assert statuses(server) == [("final",), ("entered-in-error",)]
        load = server.execute("select load_id from ops.load where site = 'mllp'").fetchone()
        for table in ("person", "exam", "observation", "original"):
            server.execute(f"delete from landing.{table} where load_id = %s", load)  # noqa: S608
        server.execute("delete from ops.load where load_id = %s", load)


def as_the_dag_does(of: Settings, batch: str) -> list[dict[str, Any]]:
    """The command of `ingest_exams`, of one site."""
    command = f"wellhouse ingest {of.inbox}/ml*/exam --source exam --batch {batch} --json"
    done = subprocess.run(["bash", "-c", command], text=True, capture_output=True, check=True)
    return list(json.loads(done.stdout)["files"])


def statuses(server: psycopg.Connection) -> list[Any]:
    return server.execute(
        """select observation.status from landing.observation join ops.load using (load_id) where site = 'mllp'
           order by row_number"""
    ).fetchall()
