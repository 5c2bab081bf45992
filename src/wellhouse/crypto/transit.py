"""The key-encryption key encrypted by the transit engine of HashiCorp Vault or OpenBao, over its HTTP API.

https://developer.hashicorp.com/vault/api-docs/secret/transit, https://openbao.org/api-docs/secret/transit/:
``encrypt``, ``decrypt`` and ``keys/<name>/rotate``. The token needs no more than these three paths.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

import httpx

from wellhouse import files
from wellhouse.crypto import envelope, kek
from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings

_opened: dict[str, bytes] = {}
"""Ciphertext → key: a process asks the server once for each."""


class Transit:
    """``var/secrets/kek.transit`` and retired ``kek.transit_<id>``: ciphertexts that only the server can open."""

    name = "transit"

    def __init__(self, settings: Settings, before: kek.File) -> None:
        self._settings, self._before = settings, before
        self._folder = settings.var / "secrets"
        self._file = self._folder / "kek.transit"

    def load(self) -> bytes | None:
        return self._open(self._file.read_text().strip()) if self._file.exists() else None

    def retired(self) -> list[bytes]:
        mine = [self._open(path.read_text().strip()) for path in self._folder.glob("kek.transit_*")]
        return [*mine, *self._before.everything()]

    def renew(self) -> None:
        """A new key under a new version of the server's key."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = secrets.token_bytes(envelope.KEY_BYTES)
        if self._file.exists():
            self._call(f"keys/{self._settings.kek_transit_key}/rotate", {})
            old = self._file.read_text().strip()
            files.replace(self._folder / f"kek.transit_{kek.key_id(self._open(old))}", old.encode())
        plaintext = base64.b64encode(new).decode()
        answer = self._call(f"encrypt/{self._settings.kek_transit_key}", {"plaintext": plaintext})
        ciphertext = str(answer["ciphertext"])
        if self._open(ciphertext) != new:
            raise WellhouseError(f"{self._where} does not give back what it encrypted: nothing was changed")
        files.replace(self._file, ciphertext.encode())

    def forget(self) -> None:
        for path in self._folder.glob("kek.transit_*"):
            path.unlink(missing_ok=True)
        self._before.clear()

    @property
    def _where(self) -> str:
        return f"the key server {self._settings.kek_transit_url}"

    def _open(self, ciphertext: str) -> bytes:
        if ciphertext not in _opened:
            answer = self._call(f"decrypt/{self._settings.kek_transit_key}", {"ciphertext": ciphertext})
            _opened[ciphertext] = base64.b64decode(str(answer["plaintext"]))
        return _opened[ciphertext]

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = self._settings.kek_transit_url or ""
        if not url.startswith("https://"):
            raise UnavailableError("WELLHOUSE_KEK_TRANSIT_URL: expected https://HOST:PORT of the key server")
        token = self._folder / "transit_token"
        if not token.exists():
            raise UnavailableError(f"{token} is not there: put the key server's token into it, 0600")
        headers = {"X-Vault-Token": token.read_text().strip(), "X-Vault-Request": "true"}
        authority: str | bool = str(self._settings.kek_transit_ca) if self._settings.kek_transit_ca else True
        target = f"{url.rstrip('/')}/v1/{self._settings.kek_transit_mount}/{path}"
        try:
            with httpx.Client(verify=_context(authority), timeout=10, trust_env=False) as client:
                answer = client.post(target, json=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise UnavailableError(f"{self._where} does not answer: {type(error).__name__}") from None
        if answer.is_error:
            raise UnavailableError(f"{self._where} refused {path.split('/')[0]} with {answer.status_code}")
        return dict(answer.json()["data"]) if answer.content else {}


def _context(authority: str | bool) -> Any:
    import ssl

    return ssl.create_default_context(cafile=authority) if isinstance(authority, str) else authority
