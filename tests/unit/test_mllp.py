"""The MLLP listener's parts: who may send, what is answered, what is on disk when a message is acknowledged."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import os
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhouse.errors import WellhouseError
from wellhouse.ingest.formats.hl7v2_message import Refused
from wellhouse.mllp import senders, spool
from wellhouse.mllp.answer import ACCEPTED, END, REJECTED, START, acknowledgment, heading
from wellhouse.mllp.listener import Limits, Listener
from wellhouse.mllp.senders import Sender
from wellhouse.mllp.spool import Spool
from wellhouse.ops import certificates, ports
from wellhouse.settings import Settings

MESSAGE = b"MSH|^~\\&|LIS|HZ|WH|CENTRE|20240305||ORU^R01^ORU_R01|M1|P|2.4\rPID|1||P1\rOBX|1|NM|X||1\r"


def test_an_acknowledgment_goes_back_to_the_sender_in_its_separators() -> None:
    answer = acknowledgment(MESSAGE.replace(b"|", b"*").replace(b"^", b":"), ACCEPTED)
    said = answer.removeprefix(START).removesuffix(END).decode().split("\r")
    assert re.fullmatch(r"MSH\*:~\\&\*WH\*CENTRE\*LIS\*HZ\*\d{14}\+\d{4}\*\*ACK:R01\*\w+\*P\*2.4", said[0])
    assert said[1:] == ["MSA*AA*M1", ""]


def test_what_is_no_message_is_answered_too() -> None:
    answer = acknowledgment(b"PID|1||P1", REJECTED, "expected ORU^R01")
    assert b"\rMSA|AR||expected ORU\\S\\R01\r" in answer


def test_an_answer_is_one_frame_whatever_it_repeats() -> None:
    answer = acknowledgment(MESSAGE.replace(b"|M1|", b"|M\x1c\x0b1|"), ACCEPTED)
    assert b"MSA|AA|M1\r" in answer
    assert answer.count(START) == answer.count(END[:1]) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"PID|1", "no_msh"),
        (MESSAGE.replace(b"^~\\&", b"^^\\&"), "bad_separators"),
        (MESSAGE.replace(b"ORU^R01^ORU_R01", b"ADT^A01"), "unsupported_message"),
        (MESSAGE.replace(b"|M1|", b"||"), "no_control_id"),
        (MESSAGE + b"\0", "nul_character"),
        (MESSAGE.replace(b"2.4", b"3.0"), "unsupported_version"),
    ],
)
def test_a_defect_of_the_heading_is_named(message: bytes, reason: str) -> None:
    with pytest.raises(Refused) as raised:
        heading(message)
    assert raised.value.reason == reason


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: MESSAGE[:40] + rest))
def test_whatever_comes_has_an_answer(message: bytes) -> None:
    with suppress(Refused):
        heading(message)
    answer = acknowledgment(message, REJECTED, "expected ORU^R01")
    assert answer.startswith(START + b"MSH")
    assert answer.endswith(END)
    assert answer.count(START) == answer.count(END[:1]) == 1


def test_senders_are_told_apart_by_address_certificate_and_what_they_say() -> None:
    anyone = Sender("hz", "10.1.0.0/16")
    assert anyone.is_peer("10.1.2.3", None)
    assert anyone.is_peer("::ffff:10.1.2.3", "x")
    assert not anyone.is_peer("10.2.0.1", None)
    known = Sender("sh", "::/0", certificate="abc", application="LIS", facility="SH")
    assert known.is_peer("fe80::1%eth0", "abc")
    assert not known.is_peer("fe80::1", None)
    assert known.says("LIS", "SH")
    assert not known.says("LIS", "HZ")


def test_a_sender_is_allowed_once_and_its_certificate_trusted(tmp_path: Path) -> None:
    of = Settings(var=tmp_path)
    assert senders.load(of) == []
    certificates.ensure(tmp_path / "tls")
    for _ in range(2):
        allowed = senders.allow(of, Sender("hz", "10.0.0.1"), tmp_path / "tls" / "airflow.crt")
    assert senders.load(of) == [allowed]
    assert len(str(allowed.certificate)) == 64
    assert (tmp_path / "mllp" / "clients.pem").read_text().count("BEGIN CERTIFICATE") == 1
    assert {oct(p.stat().st_mode & 0o777) for p in (tmp_path / "mllp").iterdir()} == {"0o600"}


@pytest.mark.parametrize("sender", [Sender("../hz", "10.0.0.1"), Sender("hz", "10.0.0.1/8"), Sender("hz", "nowhere")])
def test_what_is_no_sender_is_not_allowed(tmp_path: Path, sender: Sender) -> None:
    with pytest.raises(WellhouseError, match="cannot be allowed"):
        senders.allow(Settings(var=tmp_path), sender)


def test_a_broken_list_of_senders_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "mllp").mkdir()
    (tmp_path / "mllp" / "senders.yaml").write_text("senders: [{site: hz, net: 10.0.0.1}]")
    with pytest.raises(WellhouseError, match="is no list of senders"):
        senders.load(Settings(var=tmp_path))


@pytest.fixture
def store(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "mllp", tmp_path / "inbox", 900)


def stored(tmp_path: Path) -> list[bytes]:
    """Messages on disk, wherever they are."""
    files = [*(tmp_path / "mllp").glob("*.hl7"), *(tmp_path / "inbox").glob("*/exam/*.hl7")]
    return sorted(m.removeprefix(START) for f in files for m in f.read_bytes().split(END)[:-1])


def test_messages_of_a_site_become_one_private_file_of_the_inbox(tmp_path: Path, store: Spool) -> None:
    store.put("hz", [b"a", b"b"])
    store.put("hz", [b"c", b"a"])
    store.put("sh", [b"a"])
    assert stored(tmp_path) == [b"a", b"a", b"b", b"c"]
    assert store.move_due() == []
    moved = store.move_all()
    assert sorted(p.parent.relative_to(tmp_path) for p in moved) == [Path("inbox/hz/exam"), Path("inbox/sh/exam")]
    assert (moved[0].read_bytes(), list((tmp_path / "mllp").glob("*.hl7"))) == (
        b"\x0ba\x1c\r\x0bb\x1c\r\x0bc\x1c\r",
        [],
    )
    assert {oct(p.stat().st_mode & 0o777) for p in moved} == {"0o600"}
    assert {oct(p.parent.stat().st_mode & 0o777) for p in moved} == {"0o700"}
    store.put("hz", [b"c"])
    assert stored(tmp_path).count(b"c") == 1


def test_what_was_acknowledged_survives_and_half_a_message_does_not(tmp_path: Path, store: Spool) -> None:
    store.put("hz", [b"a"])
    with (tmp_path / "mllp" / "hz.hl7").open("ab") as file:
        file.write(b"\x0bhalf a mess")
    (tmp_path / "mllp" / "sh.hl7").write_bytes(b"\x0bhalf")
    store.close()
    again = Spool(tmp_path / "mllp", tmp_path / "inbox", 900)
    again.put("hz", [b"a", b"b"])
    assert stored(tmp_path) == [b"a", b"b"]
    again.move_all()
    again.close()
    third = Spool(tmp_path / "mllp", tmp_path / "inbox", 900)
    third.put("hz", [b"a", b"b"])
    assert stored(tmp_path) == [b"a", b"b"]


def test_a_second_listener_is_turned_away(tmp_path: Path, store: Spool) -> None:
    with pytest.raises(WellhouseError, match="another listener"):
        Spool(tmp_path / "mllp", tmp_path / "inbox", 900)
    store.put("hz", [b"a"])
    store.close()
    Spool(tmp_path / "mllp", tmp_path / "inbox", 900).close()
    assert stored(tmp_path) == [b"a"]


def test_a_failed_write_leaves_nothing_of_it(tmp_path: Path, store: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("hz", [b"a"])
    real = os.write

    def full(descriptor: int, content: Any) -> int:
        if len(content) < 20:
            raise OSError(errno.ENOSPC, "no space left on device")
        return real(descriptor, content[:20])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="no space"):
        store.put("hz", [b"b" * 30])
    monkeypatch.setattr(os, "write", real)
    store.put("hz", [b"c"])
    assert stored(tmp_path) == [b"a", b"c"]


def test_a_file_that_is_old_enough_or_big_enough_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Spool(tmp_path / "mllp", tmp_path / "inbox", 0.05)
    store.put("hz", [b"a"])
    time.sleep(0.06)
    assert len(store.move_due()) == 1
    monkeypatch.setattr(spool, "FILE_BYTES", 4)
    store.put("hz", [b"b"])
    store.put("hz", [b"c"])
    assert len(list((tmp_path / "inbox").glob("hz/exam/*.hl7"))) == 2


def test_the_listener_has_a_certificate_for_the_name_its_senders_use(tmp_path: Path) -> None:
    from cryptography import x509

    def names() -> list[str]:
        found = x509.load_pem_x509_certificate((tmp_path / "mllp.crt").read_bytes())
        assert found.not_valid_after_utc > dt.datetime.now(dt.UTC)
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [str(each.value) for each in alternative]

    certificates.ensure(tmp_path)
    first = (tmp_path / "mllp.crt").read_bytes()
    certificates.ensure(tmp_path)
    assert (tmp_path / "mllp.crt").read_bytes() == first
    certificates.ensure(tmp_path, "lis-gateway.example.org")
    assert names()[-1] == "lis-gateway.example.org"
    certificates.ensure(tmp_path, "10.1.2.3")
    assert names()[-1] == "10.1.2.3"


async def _with_listener(
    of: Settings, limits: Limits, talk: Callable[[ssl.SSLContext], Awaitable[list[bytes]]]
) -> list[bytes]:
    stop = asyncio.Event()
    serving = asyncio.create_task(Listener(of, limits).serve(stop))
    try:
        await asyncio.sleep(0.2)
        return await asyncio.wait_for(talk(ssl.create_default_context(cafile=of.tls / "ca.crt")), 30)
    finally:
        stop.set()
        await serving


@pytest.mark.parametrize("host", ["127.0.0.2", "lis-gateway.example.org"])
def test_under_the_name_of_its_senders_it_is_well_for_ourselves_too(
    tmp_path: Path, unused_ports: Callable[[int], list[int]], host: str
) -> None:
    of = Settings(var=tmp_path, mllp_port=unused_ports(1)[0], mllp_host=host)
    certificates.ensure(of.tls, host)

    async def talk(_: ssl.SSLContext) -> list[bytes]:
        assert await asyncio.to_thread(ports.answers, of, of.mllp_port)
        return []

    asyncio.run(_with_listener(of, Limits(), talk))


def test_a_peer_takes_no_more_than_its_share(tmp_path: Path, unused_ports: Callable[[int], list[int]]) -> None:
    """Too slow a message, a message that never ends, more connections than allowed, and silence."""
    of = Settings(var=tmp_path, mllp_port=unused_ports(1)[0])
    certificates.ensure(of.tls)
    senders.allow(of, Sender("hz", "127.0.0.0/8"))
    limits = Limits(message_bytes=100_000, connections=2, message_s=0.3, idle_s=0.6)

    async def talk(context: ssl.SSLContext) -> list[bytes]:
        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", of.mllp_port, ssl=context, server_hostname="localhost")

        slow, slow_out = await connect()
        slow_out.write(START + b"MSH|")
        heard = [await slow.read()]
        long, long_out = await connect()
        long_out.write(START + b"x" * 300_000)
        heard.append(await long.read())
        first, second = await connect(), await connect()
        third, _ = await connect()
        heard.append(await third.read())
        first[1].write(START + MESSAGE + END)
        heard.append(await first[0].readuntil(END))
        heard += [await first[0].read(), await second[0].read()]
        return heard

    slow, long, third, good, silent, other = asyncio.run(_with_listener(of, limits, talk))
    assert b"no end block" in slow
    assert b"message too long" in long
    assert b"MSA|AA|M1" in good
    assert (third, silent, other) == (b"", b"", b"")
    assert stored(tmp_path) == [MESSAGE]
