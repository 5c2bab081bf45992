"""Who may send messages, for which site: ``var/mllp/senders.yaml``, written by ``wellhouse mllp allow``."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from wellhouse import files
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SITE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Sender:
    """What must be true of a message for it to be the site's; None: anything.

    ``network``: the peer's address; ``certificate``: SHA-256 of the client certificate; ``application`` and
    ``facility``: MSH-3.1 and MSH-4.1.
    """

    site: str
    network: str
    certificate: str | None = None
    application: str | None = None
    facility: str | None = None

    def is_peer(self, address: str, certificate: str | None) -> bool:
        """Whether a connection from there may be this sender's."""
        known = self.certificate is None or self.certificate == certificate
        return known and _address(address) in ipaddress.ip_network(self.network)

    def says(self, application: str, facility: str) -> bool:
        """Whether a message that names these is this sender's."""
        return self.application in (None, application) and self.facility in (None, facility)


def folder(of: Settings) -> Path:
    return of.var / "mllp"


def load(of: Settings) -> list[Sender]:
    """All that are allowed; nobody when there is no file.

    :raises WellhouseError: the file says something that is no sender
    """
    path = folder(of) / "senders.yaml"
    if not path.exists():
        return []
    try:
        return [_checked(Sender(**entry)) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["senders"]]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise WellhouseError(f"{path} is no list of senders: {type(error).__name__}") from None


def allow(of: Settings, sender: Sender, certificate: Path | None = None) -> Sender:
    """Add a sender; the same twice is one. ``certificate``: the client certificate it must show, in PEM.

    :raises WellhouseError: no such network, site name or certificate
    """
    home = folder(of)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        if certificate is not None:
            pem = certificate.read_text(encoding="ascii")
            sender = Sender(**asdict(sender) | {"certificate": fingerprint(ssl.PEM_cert_to_DER_cert(pem))})
            _trust(home / "clients.pem", pem)
        _checked(sender)
    except (OSError, ValueError) as error:
        raise WellhouseError(f"this sender cannot be allowed: {error}") from None
    known = load(of)
    if sender not in known:
        document: dict[str, Any] = {
            "senders": [{k: v for k, v in asdict(s).items() if v is not None} for s in [*known, sender]]
        }
        files.replace(home / "senders.yaml", yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode())
    return sender


def fingerprint(certificate: bytes) -> str:
    """Of a certificate in DER."""
    return hashlib.sha256(certificate).hexdigest()


def _checked(sender: Sender) -> Sender:
    if not _SITE.fullmatch(sender.site):
        raise ValueError(f"{sender.site} is no site, expected lower-case letters, digits and _")
    ipaddress.ip_network(sender.network)
    return sender


def _trust(path: Path, pem: str) -> None:
    known = path.read_text(encoding="ascii") if path.exists() else ""
    if pem.strip() not in known:
        files.replace(path, f"{known}{pem.strip()}\n".encode("ascii"))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.split("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
