"""Keys under load: a rotation that nobody notices, and a key that is gone when it is destroyed."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import UnavailableError
from wellhouse.settings import Settings

KEYS, ROTATIONS = 3000, 3


@pytest.fixture
def of(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path, root=tmp_path)


def test_a_damaged_keystore_is_one_line(of: Settings) -> None:
    with Keyring.open(of) as keyring:
        made = dict(keyring.create(KEYS))
    file = of.keystore / "keystore.sqlite"
    content = bytearray(file.read_bytes())
    for page in range(4096 * 5, len(content), 4096):
        content[page : page + 200] = b"\xff" * 200
    file.write_bytes(content)
    with (
        pytest.raises(UnavailableError, match="the keystore cannot be used: SQLITE_CORRUPT"),
        Keyring.open(of) as keyring,
    ):
        keyring.data_keys(list(made))


def _read(
    var: str, wanted: dict[str, bytes], ready: Barrier, stop: Event, results: multiprocessing.Queue[tuple[int, int]]
) -> None:
    """Read all keys over and over, half the time with a keystore opened anew; (reads, failures)."""
    of = Settings(var=Path(var), root=Path(var))
    reads = failures = 0
    held = Keyring.open(of)
    ready.wait()
    while not stop.is_set():
        fresh = Keyring.open(of)
        for keyring in (held, fresh):
            try:
                failures += keyring.data_keys(list(wanted)) != wanted
            except Exception:
                failures += 1
            reads += len(wanted)
        fresh.close()
    results.put((reads, failures))


def _create(var: str, ready: Barrier, stop: Event, results: multiprocessing.Queue[dict[str, bytes]]) -> None:
    """Make keys with a keystore that was open before any rotation."""
    made: dict[str, bytes] = {}
    with Keyring.open(Settings(var=Path(var), root=Path(var))) as keyring:
        ready.wait()
        while not stop.is_set():
            made |= dict(keyring.create(20))
            time.sleep(0.01)
    results.put(made)


def test_rotation_under_load_fails_no_read_and_loses_no_key(of: Settings) -> None:
    context = multiprocessing.get_context("spawn")
    stop, ready, read, created = context.Event(), context.Barrier(4), context.Queue(), context.Queue()
    with Keyring.open(of) as keyring:
        wanted = dict(keyring.create(KEYS)) | {"system": keyring.system_key()}
        wanted["blind_index"] = keyring.blind_key()
        workers = [
            *(context.Process(target=_read, args=(str(of.var), wanted, ready, stop, read)) for _ in range(2)),
            context.Process(target=_create, args=(str(of.var), ready, stop, created)),
        ]
        for worker in workers:
            worker.start()
        ready.wait(120)
        before = keyring.status()
        for _ in range(ROTATIONS):
            assert keyring.rotate() >= KEYS
            time.sleep(0.3)
        stop.set()
        counts = [read.get(timeout=60) for _ in range(2)]
        made = created.get(timeout=60)
        for worker in workers:
            worker.join(60)
    assert sum(reads for reads, _ in counts) >= 2 * KEYS
    assert sum(failures for _, failures in counts) == 0
    with Keyring.open(of) as keyring:
        status = keyring.status()
        assert status.kek_id != before.kek_id
        assert status.under_other_kek == 0
        assert keyring.data_keys(list(wanted)) == wanted
        assert keyring.data_keys(list(made)) == made
        assert len(made) > 0
    assert [p.name for p in (of.var / "secrets").glob("kek*")] == ["kek"], "what wraps nothing any more is forgotten"


def test_a_rotation_that_was_killed_is_finished_by_the_next(of: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Keyring.open(of) as keyring:
        keys = dict(keyring.create(1200))
        steps = iter([True, False])
        real = keyring._wrap_anew
        monkeypatch.setattr(keyring, "_wrap_anew", lambda: real() if next(steps) else (_ for _ in ()).throw(OSError()))
        with pytest.raises(OSError):  # noqa: PT011 - any will do
            keyring.rotate()
    with Keyring.open(of) as keyring:
        assert 0 < keyring.status().under_other_kek < 1200
        assert keyring.data_keys(list(keys)) == keys
        keyring.rotate()
        assert keyring.status().under_other_kek == 0
        assert keyring.data_keys(list(keys)) == keys


def test_a_destroyed_key_is_gone_from_the_disk(of: Settings) -> None:
    with Keyring.open(of) as keyring:
        (kept, _), (gone, _) = keyring.create(2)
        path = of.keystore / "keystore.sqlite"
        (wrapped,) = keyring._connection.execute("select wrapped from data_key where key_id = ?", (gone,)).fetchone()
        keyring._connection.execute("pragma wal_checkpoint(truncate)")
        assert wrapped in path.read_bytes()
        assert keyring.destroy([gone]) == 1
        assert set(keyring.data_keys([kept, gone])) == {kept}
        files = b"".join(p.read_bytes() for p in of.keystore.iterdir())
        assert wrapped not in files
        assert gone.encode() not in files


def test_the_keystore_is_nobody_elses(of: Settings) -> None:
    Keyring.open(of).close()
    assert oct(of.keystore.stat().st_mode & 0o777) == "0o700"
    assert oct((of.keystore / "keystore.sqlite").stat().st_mode & 0o777) == "0o600"


def test_a_damaged_keystore_is_told_in_one_line(of: Settings) -> None:
    with Keyring.open(of) as keyring:
        keyring.create(1)
    (of.keystore / "keystore.sqlite").write_bytes(b"not a database " * 500)
    with pytest.raises(UnavailableError, match=r"^the keystore cannot be used: SQLITE_NOTADB \(.*\)$"):
        Keyring.open(of)
