"""The installation's own certificate authority and the server certificates it signs (RFC 5280)."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wellhouse import files

CA_DAYS = 3650
SERVER_DAYS = 397
AUTHORITY = "ca"
SERVICES = ("postgres", "airflow", "superset", "mllp", "monitor")


def ensure(folder: Path, mllp_host: str = "localhost") -> None:
    """``ca.crt``, ``ca.key`` and ``<service>.crt/.key`` in ``folder``; what is whole stays.

    A certificate that does not load, or is not its key's, is issued anew. The authority keeps its key, if that loads,
    and with it everybody's trust.

    :param mllp_host: what senders of other machines call this one; another name is another certificate
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    authority, key = _loaded(folder / "ca.crt"), _key(folder / "ca.key")
    if authority is None or (key and authority.public_key() != key.public_key()):
        authority = _authority(folder, key or ec.generate_private_key(ec.SECP256R1()))
    for service in SERVICES:
        if not _whole(folder, service, authority, mllp_host if service == "mllp" else ""):
            issue(folder, service, mllp_host)


def _authority(folder: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Wellhouse local CA")])
    made = _certificate(name, name, key.public_key(), key, CA_DAYS, authority=True)
    _write_key(folder / "ca.key", key)
    _write_certificate(folder / "ca.crt", made)
    return made


def _whole(folder: Path, service: str, authority: x509.Certificate, host: str) -> bool:
    """Whether a service has a certificate of the authority's that is its key's, and for ``host``, too."""
    found, key = _loaded(folder / f"{service}.crt"), _key(folder / f"{service}.key")
    if found is None or key is None or found.public_key() != key.public_key():
        return False
    try:
        found.verify_directly_issued_by(authority)
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return not host or _alternative(host) in list(named)


def _loaded(path: Path) -> x509.Certificate | None:
    """None: there is none, or it is damaged, as after a disk that was full."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, ec.EllipticCurvePrivateKey) else None


def expiry(folder: Path) -> dict[str, dt.datetime]:
    """Until when the authority's and each service's certificate is good."""
    found = {name: folder / f"{name}.crt" for name in (AUTHORITY, *SERVICES)}
    return {
        name: x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        for name, path in found.items()
        if path.exists()
    }


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def issue(folder: Path, service: str, mllp_host: str = "localhost") -> None:
    """A new key and certificate for a service, under the authority that its clients know."""
    host = mllp_host if service == "mllp" else ""
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    _write_key(folder / f"{service}.key", key)
    _write_certificate(
        folder / f"{service}.crt",
        _certificate(name, authority.subject, key.public_key(), signer, SERVER_DAYS, host=host),
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    days: int,
    authority: bool = False,
    host: str = "",
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not authority:
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        names += [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
        if host and _alternative(host) not in names:
            names.append(_alternative(host))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    return builder.sign(signer, hashes.SHA256())


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.replace(path, pem)


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    files.replace(path, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
