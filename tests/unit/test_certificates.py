"""Certificates are whole or issued anew, whatever ended the command that wrote them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from wellhouse.ops import certificates

Harm = Callable[[Path], object]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def other_key(name: str) -> Harm:
    """As when the command ended after the key and before the certificate."""
    return lambda folder: (folder / f"{name}.key").write_bytes((folder / "monitor.key").read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.ensure(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("harm", "anew"),
    [
        (lambda f: (f / "superset.crt").write_bytes(b""), {"superset.crt", "superset.key"}),
        (lambda f: (f / "mllp.key").unlink(), {"mllp.crt", "mllp.key"}),
        (other_key("airflow"), {"airflow.crt", "airflow.key"}),
        (lambda f: (f / "ca.crt").write_bytes(b""), {"ca.crt"}),
        (lambda f: (f / "ca.key").rename(f.parent / "kept elsewhere"), set()),
        (other_key("ca"), None),
    ],
)
def test_what_is_damaged_is_issued_anew_and_nothing_else(folder: Path, harm: Harm, anew: set[str] | None) -> None:
    before = contents(folder)
    harm(folder)
    certificates.ensure(folder)
    after = contents(folder)
    if anew is not None:
        assert {n for n in after if after[n] != before[n]} == anew
    for service in certificates.SERVICES:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / f"{service}.crt", folder / f"{service}.key")
    certificates.ensure(folder)
    assert contents(folder) == after


def test_everybody_may_read_a_certificate_and_nobody_a_key(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        certificates.ensure(tmp_path)
    finally:
        os.umask(before)
    assert {(p.suffix, oct(p.stat().st_mode & 0o777)) for p in tmp_path.iterdir()} == {
        (".crt", "0o644"), (".key", "0o600"),
    }  # fmt: skip


def test_a_full_disk_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = contents(folder)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        certificates.issue(folder, "superset")
    assert contents(folder) == before
