"""Where the key-encryption key is kept: behind one small interface, chosen by ``WELLHOUSE_KEK_PROVIDER``.

- ``file`` (default): ``var/secrets/kek``, 0600.
- ``environment``: ``WELLHOUSE_KEK``, handed to the services by whoever starts them; no file.
- ``credential``: the systemd credential ``kek`` (``LoadCredentialEncrypted=``).
- ``transit``: HashiCorp Vault or OpenBao; ``var/secrets/kek.transit`` holds it encrypted by the server's transit key,
  and every process asks the server once to open it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from wellhouse import files
from wellhouse.crypto import envelope
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings


class Provider(Protocol):
    """Keeps one key-encryption key in force, and those on their way out until they are forgotten."""

    name: str

    def load(self) -> bytes | None:
        """The key in force, 32 bytes; None: this provider has none.

        :raises WellhouseError: it cannot be reached, or what it holds is no key
        """

    def retired(self) -> list[bytes]:
        """Keys that still wrap something."""

    def renew(self) -> None:
        """A new key in force; the old one is retired.

        :raises WellhouseError: this provider's keys are made by somebody else
        """

    def forget(self) -> None:
        """Let the retired keys go: they wrap nothing any more."""


def provider(settings: Settings) -> Provider:
    """The one that is configured.

    :raises WellhouseError: there is no such provider
    """
    if settings.kek_provider == "file":
        return File(settings)
    if settings.kek_provider == "environment":
        return Given("environment", settings.kek, settings.kek_retired, File(settings))
    if settings.kek_provider == "credential":
        folder = settings.credentials_directory
        read = [_read(folder / name) if folder else None for name in ("kek", "kek_retired")]
        return Given("credential", read[0], read[1], File(settings))
    if settings.kek_provider == "transit":
        from wellhouse.crypto.transit import Transit

        return Transit(settings, File(settings))
    raise WellhouseError(
        f"WELLHOUSE_KEK_PROVIDER={settings.kek_provider}: expected file, environment, credential or transit"
    )


class File:
    """``var/secrets/kek``; retired ones are ``kek_<id>`` beside it."""

    name = "file"

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.var / "secrets"

    def load(self) -> bytes | None:
        text = _read(self._folder / "kek")
        return None if text is None else key(text, "secrets/kek")

    def retired(self) -> list[bytes]:
        texts = [_read(path) for path in self._folder.glob("kek_*")]
        return [key(text, "secrets/kek_…") for text in texts if text is not None]

    def renew(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        old = _read(self._folder / "kek")
        if old is not None:
            files.replace(self._folder / f"kek_{key_id(key(old, 'secrets/kek'))}", old.encode())
        files.replace(self._folder / "kek", secrets.token_urlsafe(envelope.KEY_BYTES).encode())

    def forget(self) -> None:
        for path in self._folder.glob("kek_*"):
            path.unlink(missing_ok=True)

    def everything(self) -> list[bytes]:
        """Its key in force, too: another provider has taken its place."""
        found = self.load()
        return [*self.retired(), *([found] if found else [])]

    def clear(self) -> None:
        """No key is here any more."""
        self.forget()
        (self._folder / "kek").unlink(missing_ok=True)


class Given:
    """A key that whoever starts the services hands over: by the environment or as a credential of systemd."""

    def __init__(self, name: str, kek: str | None, retired: str | None, before: File) -> None:
        self.name = name
        self._kek, self._retired, self._before = kek, retired, before

    def load(self) -> bytes | None:
        return key(self._kek, f"the {self.name}'s key-encryption key") if self._kek else None

    def retired(self) -> list[bytes]:
        given = [key(self._retired, f"the {self.name}'s retired key-encryption key")] if self._retired else []
        return [*given, *self._before.everything()]

    def renew(self) -> None:
        if not self._kek:
            raise WellhouseError(f"the {self.name} gives no key-encryption key: see the runbook key_rotation")

    def forget(self) -> None:
        self._before.clear()


def key(secret: str, where: str) -> bytes:
    """The 256 bits behind a URL-safe secret.

    :raises WellhouseError: they are not
    """
    with suppress(ValueError):
        raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        if len(raw) == envelope.KEY_BYTES:
            return raw
    raise WellhouseError(f"{where} is not 32 bytes in URL-safe base64")


def key_id(kek: bytes) -> str:
    """A name for a key that gives nothing of it away."""
    return hashlib.sha256(b"wellhouse kek id" + kek).hexdigest()[:16]


def _read(path: Path) -> str | None:
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    return None
