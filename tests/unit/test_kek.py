"""Where the key-encryption key is kept, how it moves from one place to another, and what happens when it is lost."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.transit import KeyServer
from wellhouse import files
from wellhouse.crypto import transit
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

Make = Callable[..., Settings]


def secret() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Settings of one installation with a provider of the test's choice."""
    return lambda **given: Settings(**{"var": tmp_path / "var", "root": tmp_path} | given)  # type: ignore[arg-type]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KeyServer]:
    with KeyServer(tmp_path / "server").running() as running:
        yield running
    transit._opened.clear()


def over(server: KeyServer) -> dict[str, object]:
    return {"kek_provider": "transit", "kek_transit_url": server.url, "kek_transit_ca": server.authority}


def give_token(of: Settings, token: str) -> None:
    (of.var / "secrets").mkdir(parents=True, exist_ok=True)
    files.replace(of.var / "secrets" / "transit_token", token.encode())


def filled(of: Settings, count: int = 700) -> dict[str, bytes]:
    with Keyring.open(of) as ring:
        return dict(ring.create(count))


def read(of: Settings, keys: dict[str, bytes]) -> bool:
    with Keyring.open(of) as ring:
        return ring.data_keys(list(keys)) == keys


def test_a_lost_key_is_told_in_one_line_and_never_replaced(make: Make) -> None:
    of = make()
    keys = filled(of)
    kek = of.var / "secrets" / "kek"
    away = kek.with_name("away")
    kek.rename(away)
    with pytest.raises(WellhouseError, match="key-encryption key is lost") as told:
        Keyring.open(of)
    assert "\n" not in str(told.value)
    assert not kek.exists(), "no new key takes the place of a lost one"
    away.rename(kek)
    assert read(of, keys)


def test_a_command_says_so_too(make: Make) -> None:
    of = make()
    filled(of, 3)
    (of.var / "secrets" / "kek").unlink()
    environment = {"WELLHOUSE_VAR": str(of.var), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [Path(sys.executable).with_name("wellhouse"), "keys", "status"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("wellhouse: the key-encryption key is lost")
    assert len(done.stderr.splitlines()) == 1


def test_another_key_is_told(make: Make) -> None:
    of = make()
    filled(of, 3)
    files.replace(of.var / "secrets" / "kek", secret().encode())
    with pytest.raises(WellhouseError, match="is another one"):
        Keyring.open(of)


@pytest.mark.parametrize("content", ["", "short", "€" * 20, "A" * 80])
def test_what_is_no_key_is_told(make: Make, content: str) -> None:
    of = make()
    filled(of, 3)
    files.replace(of.var / "secrets" / "kek", content.encode())
    with pytest.raises(WellhouseError, match="32 bytes"):
        Keyring.open(of)


def test_an_unknown_provider_is_told(make: Make) -> None:
    with pytest.raises(WellhouseError, match="expected file, environment, credential or transit"):
        Keyring.open(make(kek_provider="hsm"))


def test_the_environment_gives_it_and_no_file_holds_it(make: Make) -> None:
    first, second = secret(), secret()
    of = make(kek_provider="environment", kek=first)
    keys = filled(of)
    assert not list((of.var / "secrets").glob("kek*"))
    with pytest.raises(WellhouseError, match="is another one"):
        Keyring.open(make(kek_provider="environment", kek=second))
    both = make(kek_provider="environment", kek=second, kek_retired=first)
    with Keyring.open(both) as ring:
        assert ring.rotate() == len(keys)
    assert read(make(kek_provider="environment", kek=second), keys)
    assert first not in repr(both)


def test_an_environment_without_a_key_is_told(make: Make) -> None:
    with pytest.raises(WellhouseError, match="the environment gives no key-encryption key"):
        Keyring.open(make(kek_provider="environment"))


def test_systemd_gives_it_as_a_credential(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "kek").write_text(secret() + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    of = make(kek_provider="credential")
    assert read(of, filled(of, 10))
    (folder / "kek").unlink()
    with pytest.raises(WellhouseError, match="key-encryption key is lost"):
        Keyring.open(of)


def test_it_moves_from_the_file_to_a_key_server_and_on(make: Make, server: KeyServer) -> None:
    keys = filled(make())
    of = make(**over(server))
    give_token(of, server.token)
    assert read(of, keys), "until it has moved, the file's key still opens"
    with Keyring.open(of) as ring:
        assert ring.rotate() == len(keys)
        assert (ring.status().provider, ring.status().under_other_kek) == ("transit", 0)
    assert not (of.var / "secrets" / "kek").exists()
    stored = (of.var / "secrets" / "kek.transit").read_text()
    assert stored.startswith("vault:v1:")
    with Keyring.open(of) as ring:
        ring.rotate()
    assert (of.var / "secrets" / "kek.transit").read_text().startswith("vault:v2:")
    assert [p.name for p in (of.var / "secrets").glob("kek*")] == ["kek.transit"]
    transit._opened.clear()
    assert read(of, keys)


def test_a_key_server_that_does_not_answer_refuses_or_forgot_is_told(make: Make, tmp_path: Path) -> None:
    kept = KeyServer(tmp_path / "server")
    with kept.running():
        of = make(**over(kept))
        give_token(of, kept.token)
        filled(of, 3)
        transit._opened.clear()
        give_token(of, "s.revoked")
        with pytest.raises(WellhouseError, match="refused decrypt with 403"):
            Keyring.open(of)
        give_token(of, kept.token)
        kept.versions[0] = os.urandom(32)
        with pytest.raises(WellhouseError, match="refused decrypt with 400"):
            Keyring.open(of)
    with pytest.raises(WellhouseError, match="does not answer"):
        Keyring.open(of)


def test_a_key_server_is_asked_over_verified_tls_only(make: Make, server: KeyServer, tmp_path: Path) -> None:
    of = make(**over(server) | {"kek_transit_ca": None})
    give_token(of, server.token)
    with pytest.raises(WellhouseError, match="does not answer: ConnectError"):
        Keyring.open(of)
    with pytest.raises(WellhouseError, match="expected https://"):
        Keyring.open(make(**over(server) | {"kek_transit_url": server.url.replace("https", "http")}))
