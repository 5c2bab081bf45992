"""Where things are and how they are reached: the only reader of the environment.

Every setting can be given as ``WELLHOUSE_<NAME>`` in the environment or in ``.env``. Secrets are never
settings: they live in 0600 files under ``var/secrets`` and are read by :meth:`Settings.secret`.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wellhouse.errors import WellhouseError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """One installation of Wellhouse."""

    model_config = SettingsConfigDict(env_prefix="WELLHOUSE_", env_file=PROJECT_ROOT / ".env", extra="ignore")

    root: Path = PROJECT_ROOT
    var: Path = PROJECT_ROOT / "var"
    """Everything the product writes."""
    timezone: str = "Asia/Shanghai"

    database_url: str | None = None
    """An external PostgreSQL, as a superuser's URL; unset: a private cluster under ``var``."""
    database: str = "wellhouse"
    postgres_host: str = "localhost"
    postgres_port: int = 15432
    airflow_port: int = 18080
    superset_port: int = 18088
    mllp_port: int = 12575
    mllp_host: str = "localhost"
    """The name or address by which senders reach us, for the certificate; but for ``localhost``, messages are taken on
    every address of this machine."""
    mllp_batch_minutes: float = 15
    """Messages of so long become one file of the inbox."""

    idle_minutes: float = 30
    """So long a session of Superset or Airflow may rest."""

    oidc_issuer: str | None = None
    """The organisation's OpenID Connect provider, where people then sign in to Superset with two factors; None: here.
    Its client secret is ``secrets/oidc_client_secret``."""
    oidc_client_id: str = "wellhouse"
    oidc_username_claim: str = "preferred_username"

    score2_risk_region: Literal["low", "moderate", "high", "very_high"] | None = None
    """Which of SCORE2's regions the centre's people belong to; unset: nobody gets a SCORE2, with that as the reason."""
    retention: Path = PROJECT_ROOT / "infra" / "retention.yaml"
    """Which days things are kept, rule by rule."""

    reports: Path = PROJECT_ROOT / "dashboards" / "reports.yaml"
    """Which reports are sent to whom, how often."""

    audit_syslog: str | None = None
    """host:port of a log server that takes syslog over TLS (RFC 5425): every audit event goes there, too."""
    audit_syslog_ca: Path | None = None
    """Whose certificates it is trusted by; unset: the system's authorities."""

    recordings_url: str | None = None
    """Where sealed audio is kept, as an fsspec URL such as ``s3://bucket/recordings``; None: ``var/recordings``."""

    monitor_port: int = 19090
    """Prometheus's metrics, over TLS, with the token in ``var/secrets/metrics_token``."""
    alert_webhook_url: str | None = None
    """Where alerts are posted as JSON, ``https://…``; a bearer token may be in ``var/secrets/alert_webhook_token``."""
    alert_smtp_host: str | None = None
    """The mail server of alerts and scheduled reports; its password is in ``var/secrets/alert_smtp_password``."""
    alert_smtp_port: int = 587
    alert_smtp_user: str | None = None
    alert_smtp_from: str = "wellhouse@localhost"
    alert_smtp_to: str = ""
    alert_ca: Path | None = None
    """The authority of the webhook's and the mail server's certificates; None: the system's."""

    backup_repo1: str | None = None
    """The first repository of backups: a folder, or ``s3://bucket/prefix``; None: ``var/backups/repo1``."""
    backup_repo2: str | None = None
    """The second one, on other storage and under another key; None: ``var/backups/repo2``."""
    backup_keep_days: int = 28
    """To any instant of so many days the cluster can be brought back."""
    keystore_keep_days: int = 3
    """Copies of the keystore are few and short-lived: a key that was destroyed must not live on in them."""

    kek_provider: str = "file"
    """Where the key-encryption key is: file, environment, credential (systemd's) or transit (Vault, OpenBao)."""
    kek: str | None = Field(default=None, repr=False)
    """Provider ``environment``: 32 bytes in URL-safe base64. Never put it into ``.env``."""
    kek_retired: str | None = Field(default=None, repr=False)
    """The one before, until ``wellhouse keys rotate`` has wrapped everything anew."""
    kek_transit_url: str | None = None
    """Provider ``transit``: ``https://HOST:PORT``; its token is in ``var/secrets/transit_token``."""
    kek_transit_mount: str = "transit"
    kek_transit_key: str = "wellhouse"
    kek_transit_ca: Path | None = None
    """The authority of the key server's certificate; None: the system's."""
    credentials_directory: Path | None = Field(default=None, validation_alias="CREDENTIALS_DIRECTORY")
    """Where systemd shows a unit its credentials."""

    sample_people: int = 2000
    sample_seed: int = 20240601

    @field_validator("root", "var", "retention", "reports")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @property
    def inbox(self) -> Path:
        """Files wait here as ``inbox/<site>/<source>/<file>``; a landed file is removed, its original is sealed."""
        return self.var / "inbox"

    @property
    def originals(self) -> Path:
        """Sealed bytes of files that could not be read as records."""
        return self.var / "originals"

    @property
    def keystore(self) -> Path:
        """Wrapped data keys: outside the warehouse and its backups."""
        return self.var / "keystore"

    @property
    def tls(self) -> Path:
        return self.var / "tls"

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    def secret_file(self, name: str) -> Path:
        """Where the secret ``name`` is kept, whether there is one or not."""
        return self.var / "secrets" / name

    def secret(self, name: str) -> str:
        """The secret ``name``, generated once into a 0600 file; 256 random bits, URL-safe.

        Two processes that ask at once get the same secret: the file appears under its name complete or not at all.
        """
        path = self.secret_file(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()


@lru_cache
def settings() -> Settings:
    """The settings of this process.

    :raises WellhouseError: one is not what it must be; the line names it, never its value, which may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(map(str, first["loc"])).upper()
        raise WellhouseError(f"WELLHOUSE_{name}: {first['msg']}") from None
