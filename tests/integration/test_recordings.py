"""Recorded calls: only with consent, sealed as they are read, measured, heard by nobody who may not."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from wellhouse.crypto.recordings import Store
from wellhouse.crypto.vault import Person
from wellhouse.errors import WellhouseError
from wellhouse.landing.retention import _recordings
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

HEADER = "录音文件,证件号码,录音日期,坐席,同意(是/否),时长(秒)\n"
ID_NUMBER = "11010519491231002X"  # the example of GB 11643-1999
SITE = "calls"


@pytest.fixture
def inbox(stack: Settings) -> Iterator[Path]:
    folder = stack.inbox / SITE / "call_recording"
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(stack.inbox / SITE)
    with administrator(stack, stack.database) as server:
        loads = "(select load_id from ops.load where site = 'calls')"
        for table in ("call_recording", "person", "original"):
            server.execute(f"delete from landing.{table} where load_id in {loads}")  # noqa: S608
        server.execute("delete from ops.load where site = 'calls'")


@pytest.fixture
def server(stack: Settings) -> psycopg.Connection:
    return administrator(stack, stack.database)


def wav(path: Path, seconds: float) -> bytes:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"plain call " * math.ceil(8000 * 2 * seconds / 11))
    return path.read_bytes()


def mp3(path: Path, frames: int) -> bytes:
    """Silence: MPEG-1 layer III at 128 kbit/s and 44.1 kHz, 1,152 samples a frame."""
    path.write_bytes((b"\xff\xfb\x90\x64" + bytes(413)) * frames)
    return path.read_bytes()


def ingest(folder: Path) -> dict[str, Any]:
    done = subprocess.run(["wellhouse", "ingest", str(folder), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert file["read"] == file["loaded"] + file["quarantined"] + file["duplicate"]
    return dict(file) | {"said": done.stderr}


def landed(server: psycopg.Connection) -> list[tuple[Any, ...]]:
    return server.execute(
        """select row_number, media_type, duration_s, sha256, bytes
           from landing.call_recording where site = %s order by 1""",
        (SITE,),
    ).fetchall()


def rows(*files: str, consent: str = "是") -> str:
    return HEADER + "".join(f"{file},{ID_NUMBER},2024-03-0{i},S01,{consent},1\n" for i, file in enumerate(files, 1))


def test_audio_is_sealed_and_measured(stack: Settings, inbox: Path, server: psycopg.Connection) -> None:
    call, music = wav(inbox / "a.wav", 150), mp3(inbox / "b.mp3", 100)
    (inbox / "calls.csv").write_text(rows("a.wav", "b.mp3"), encoding="gb18030")
    assert ingest(inbox)["loaded"] == 2
    first, second = landed(server)
    assert first == (1, "wav", pytest.approx(150, abs=0.01), hashlib.sha256(call).hexdigest(), len(call))
    assert second[1] == "mp3"
    assert second[2] == pytest.approx(100 * 1152 / 44100, rel=0.02)
    assert second[3:] == (hashlib.sha256(music).hexdigest(), len(music))
    assert list(inbox.iterdir()) == [], "what is sealed has left the inbox"
    names = server.execute("select object from landing.call_recording where site = %s", (SITE,)).fetchall()
    objects = [stack.var / "recordings" / name for (name,) in names]
    assert len(objects) == 2
    assert (stack.var / "recordings").stat().st_mode & 0o077 == 0
    assert not any(b"plain call" in path.read_bytes() for path in objects)


def test_what_may_not_or_cannot_be_stored_is_counted(
    stack: Settings, inbox: Path, server: psycopg.Connection, tmp_path: Path
) -> None:
    (tmp_path / "outside.wav").write_bytes(wav(inbox / "fine.wav", 1))
    (inbox / "link.wav").symlink_to(tmp_path / "outside.wav")
    (inbox / "noise.wav").write_bytes(os.urandom(5000))
    wav(inbox / "no.wav", 1)
    names = (
        "fine.wav",
        "../../exam/x.wav",
        str(tmp_path / "outside.wav"),
        "link.wav",
        "missing.wav",
        "noise.wav",
        "..",
    )
    table = rows(*names) + f"no.wav,{ID_NUMBER},2024-04-01,S01,否,1\nfine.wav,{ID_NUMBER},2024-04-02,S01,,1\n"
    (inbox / "calls.csv").write_text(table, encoding="utf-8")
    before = sorted((stack.var / "recordings").rglob("*.sealed"))
    file = ingest(inbox)
    assert (file["read"], file["loaded"], file["quarantined"]) == (9, 1, 8)
    reasons = server.execute(
        """select row_number, r.reason from quarantine.record r join ops.load using (load_id)
           where site = %s order by row_number""",
        (SITE,),
    ).fetchall()
    assert reasons == [
        (2, "bad_file_name"), (3, "bad_file_name"), (4, "missing_audio"), (5, "missing_audio"), (6, "bad_audio"),
        (7, "bad_file_name"), (8, "no_consent"), (9, "missing_value"),
    ]  # fmt: skip
    assert len(sorted((stack.var / "recordings").rglob("*.sealed"))) == len(before) + 1
    assert not (inbox / "no.wav").exists(), "what nobody agreed to does not stay in the inbox either"
    assert "outside" not in file["said"]


def test_the_same_metadata_again_is_a_duplicate_without_its_audio(
    stack: Settings, inbox: Path, server: psycopg.Connection
) -> None:
    wav(inbox / "c.wav", 1)
    (inbox / "calls.csv").write_text(rows("c.wav"), encoding="utf-8")
    assert ingest(inbox)["loaded"] == 1
    wav(inbox / "d.wav", 2)
    (inbox / "calls.csv").write_text(rows("c.wav", "d.wav"), encoding="utf-8")
    file = ingest(inbox)
    assert (file["read"], file["loaded"], file["duplicate"]) == (2, 1, 1)
    assert len(landed(server)) == 2


def test_a_withdrawn_consent_takes_the_audio_with_it(stack: Settings, inbox: Path, server: psycopg.Connection) -> None:
    wav(inbox / "gone.wav", 1)
    (inbox / "calls.csv").write_text(rows("gone.wav"), encoding="utf-8")
    assert ingest(inbox)["loaded"] == 1
    found = server.execute("select person_key, object from landing.call_recording where site = %s", (SITE,)).fetchone()
    assert found is not None
    sealed = stack.var / "recordings" / found[1]
    assert sealed.exists()
    command = ["wellhouse", "subject", "withdraw", str(found[0]), "--purpose", "a test", "--consent"]
    assert subprocess.run([*command, "everything"], capture_output=True).returncode == 2
    assert sealed.exists()
    subprocess.run([*command, "recording"], check=True, capture_output=True)
    assert not sealed.exists()
    assert landed(server) == []
    left = server.execute("select count(*) from vault.audio_key where person_key = %s", (found[0],)).fetchone()
    assert left == (0,)


def test_old_recordings_go_when_a_rule_says_so(stack: Settings, inbox: Path, server: psycopg.Connection) -> None:
    wav(inbox / "old.wav", 1)
    wav(inbox / "new.wav", 1)
    today = dt.date.today().isoformat()
    table = rows("old.wav") + f"new.wav,{ID_NUMBER},{today},S01,是,1\n"
    (inbox / "calls.csv").write_text(table, encoding="utf-8")
    assert ingest(inbox)["loaded"] == 2
    # undone again: the recordings of the sample are old, too
    with server.transaction(force_rollback=True):
        gone = _recordings(server, 30)
        names = server.execute("select object from landing.call_recording where site = %s", (SITE,)).fetchall()
        assert len(names) == 1, "today's stays"
        assert names[0][0] not in gone
        keys = server.execute("select count(*) from vault.audio_key where object = any(%s)", (gone,)).fetchone()
        assert keys == (0,)
    assert len(landed(server)) == 2


def test_who_may_listen(built: Settings, server: psycopg.Connection, tmp_path: Path) -> None:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    row = server.execute(
        "select recording_key, person_key, audio_sha256 from marts.fct_call_recording where site = 'hz' limit 1"
    ).fetchone()
    elsewhere = server.execute(
        "select recording_key from marts.fct_call_recording where site = 'sh' limit 1"
    ).fetchone()
    assert row is not None
    assert elsewhere is not None
    audio = tmp_path / "call.wav"

    def save(recording: int, reader: str) -> subprocess.CompletedProcess[str]:
        command = ["wellhouse", "recording", "save", str(recording), "--output", str(audio), "--as", reader]
        return subprocess.run([*command, "--purpose", "a complaint"], capture_output=True, text=True)

    for recording, reader in (
        (row[0], "analyst_hz"),
        (row[0], "nobody"),
        (elsewhere[0], "manager_hz"),
        (1, "manager_hz"),
    ):
        assert save(recording, reader).returncode == 1
        assert not audio.exists()
    heard = "select count(*) from audit.event where path = 'recording'"
    assert server.execute(heard).fetchone() == (0,)
    assert save(row[0], "manager_hz").returncode == 0
    assert hashlib.sha256(audio.read_bytes()).hexdigest() == row[2]
    event = server.execute(
        "select reader, action, purpose, persons from audit.event where path = 'recording'"
    ).fetchall()
    assert event == [("wh_u_manager_hz", "read", "a complaint", [row[1]])]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, unused_ports: Any) -> Iterator[str]:
    """A real S3 server on this machine."""
    (port,) = unused_ports(1)
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.2)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        import s3fs

        s3fs.S3FileSystem().mkdir("calls")
        yield "s3://calls/sealed"
    finally:
        server.terminate()
        server.wait()


def test_audio_in_an_object_store(s3: str, tmp_path: Path) -> None:
    audio = wav(tmp_path / "long.wav", 200)
    store = Store(Settings(recordings_url=s3))
    person, other = Person(1, "key", os.urandom(32)), Person(2, "key", os.urandom(32))
    with (tmp_path / "long.wav").open("rb") as file:
        stored = store.put(file, "1/call.sealed", person)
    assert (stored.sha256, stored.size) == (hashlib.sha256(audio).hexdigest(), len(audio))
    assert b"".join(store.read(stored.name, stored.sealed_key, person)) == audio
    with pytest.raises(WellhouseError):
        list(store.read(stored.name, stored.sealed_key, other))
    assert store.delete([stored.name, "1/never.sealed"]) == 1
    with pytest.raises(WellhouseError, match="not in the store"):
        list(store.read(stored.name, stored.sealed_key, person))
