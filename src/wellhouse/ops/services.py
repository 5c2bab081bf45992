"""What runs, in which environment: ``infra/services/supervisord.conf`` filled in for one installation."""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path
from string import Template
from typing import Any

from psycopg import conninfo

from wellhouse.ops import accounts, airflow, cluster
from wellhouse.settings import Settings

POSTGRES = "postgres"
AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
MLLP = "mllp"
SUPERSET = "superset"
MONITOR = "monitor"
INHERITED = ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR")


def names(settings: Settings) -> tuple[str, ...]:
    """Every service of this installation, in the order they start; an external PostgreSQL is not ours to run."""
    own = () if settings.database_url else (POSTGRES,)
    return (*own, *AIRFLOW, MLLP, SUPERSET, MONITOR)


def binaries(settings: Settings, environment: str) -> Path:
    """The commands of one of the two Python environments, ``pipeline`` or ``superset``."""
    return settings.root / f".venv-{environment}" / "bin"


def environment(settings: Settings) -> dict[str, str]:
    """The environment of every service and of every command run for it: where things are, and no secret."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = os.pathsep.join((str(binaries(settings, "pipeline")), os.environ.get("PATH", os.defpath)))
    return inherited | {
        "PATH": path,
        "WELLHOUSE_ROOT": str(settings.root),
        "WELLHOUSE_VAR": str(settings.var),
        "WELLHOUSE_TIMEZONE": settings.timezone,
        "WELLHOUSE_DATABASE_URL": _without_secrets(settings.database_url),
        "WELLHOUSE_DATABASE": settings.database,
        "WELLHOUSE_POSTGRES_HOST": settings.postgres_host,
        "WELLHOUSE_POSTGRES_PORT": str(settings.postgres_port),
        "WELLHOUSE_AIRFLOW_PORT": str(settings.airflow_port),
        "WELLHOUSE_SUPERSET_PORT": str(settings.superset_port),
        "WELLHOUSE_MLLP_PORT": str(settings.mllp_port),
        "WELLHOUSE_MLLP_HOST": settings.mllp_host,
        "WELLHOUSE_MLLP_BATCH_MINUTES": str(settings.mllp_batch_minutes),
        "WELLHOUSE_MONITOR_PORT": str(settings.monitor_port),
        "WELLHOUSE_ALERT_WEBHOOK_URL": settings.alert_webhook_url or "",
        "WELLHOUSE_ALERT_SMTP_HOST": settings.alert_smtp_host or "",
        "WELLHOUSE_ALERT_SMTP_PORT": str(settings.alert_smtp_port),
        "WELLHOUSE_ALERT_SMTP_USER": settings.alert_smtp_user or "",
        "WELLHOUSE_ALERT_SMTP_FROM": settings.alert_smtp_from,
        "WELLHOUSE_ALERT_SMTP_TO": settings.alert_smtp_to,
        **({"WELLHOUSE_ALERT_CA": str(settings.alert_ca)} if settings.alert_ca else {}),
        "WELLHOUSE_RECORDINGS_URL": settings.recordings_url or "",
        "WELLHOUSE_BACKUP_REPO1": settings.backup_repo1 or "",
        "WELLHOUSE_BACKUP_REPO2": settings.backup_repo2 or "",
        "WELLHOUSE_BACKUP_KEEP_DAYS": str(settings.backup_keep_days),
        "WELLHOUSE_KEYSTORE_KEEP_DAYS": str(settings.keystore_keep_days),
        "WELLHOUSE_KEK_PROVIDER": settings.kek_provider,
        "WELLHOUSE_KEK_TRANSIT_URL": settings.kek_transit_url or "",
        "WELLHOUSE_KEK_TRANSIT_MOUNT": settings.kek_transit_mount,
        "WELLHOUSE_KEK_TRANSIT_KEY": settings.kek_transit_key,
        **({"WELLHOUSE_KEK_TRANSIT_CA": str(settings.kek_transit_ca)} if settings.kek_transit_ca else {}),
        "WELLHOUSE_OIDC_ISSUER": settings.oidc_issuer or "",
        "WELLHOUSE_OIDC_CLIENT_ID": settings.oidc_client_id,
        "WELLHOUSE_OIDC_USERNAME_CLAIM": settings.oidc_username_claim,
        "WELLHOUSE_IDLE_MINUTES": str(settings.idle_minutes),
        **({"WELLHOUSE_AUDIT_SYSLOG": settings.audit_syslog} if settings.audit_syslog else {}),
        **({"WELLHOUSE_AUDIT_SYSLOG_CA": str(settings.audit_syslog_ca)} if settings.audit_syslog_ca else {}),
        **({"WELLHOUSE_SCORE2_RISK_REGION": settings.score2_risk_region} if settings.score2_risk_region else {}),
        "WELLHOUSE_RETENTION": str(settings.retention),
        "WELLHOUSE_REPORTS": str(settings.reports),
        "WELLHOUSE_SAMPLE_PEOPLE": str(settings.sample_people),
        "WELLHOUSE_SAMPLE_SEED": str(settings.sample_seed),
        "PYTHONPATH": str(settings.root / "infra"),  # Airflow imports its auth manager by name
        "AIRFLOW_HOME": str(airflow.home(settings)),
        "SUPERSET_HOME": str(settings.var / "superset"),
        "SUPERSET_CONFIG_PATH": str(settings.root / "infra" / "superset_config.py"),
        "FLASK_APP": "superset.app:create_app()",
    }


def handed_down(settings: Settings) -> dict[str, str]:
    """What the supervisor and its services inherit, and no file of ours holds: keys that the environment gives."""
    given = {"WELLHOUSE_KEK": settings.kek, "WELLHOUSE_KEK_RETIRED": settings.kek_retired}
    if any(str(place).startswith("s3://") for place in (settings.backup_repo1, settings.backup_repo2,
                                                        settings.recordings_url)):  # fmt: skip
        given |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    folder = settings.credentials_directory
    return {n: v for n, v in given.items() if v} | ({"CREDENTIALS_DIRECTORY": str(folder)} if folder else {})


def supervisor_configuration(settings: Settings) -> str:
    """The supervisor's configuration; a service whose section changes has to be started again."""
    user = accounts.os_user()
    lock = settings.root / "uv.lock"
    web = sorted(f for f in (settings.root / "src" / "wellhouse" / "web").rglob("*") if f.suffix not in ("", ".pyc"))
    values = {
        "var": str(settings.var),
        "root": str(settings.root),
        "pipeline": shlex.quote(str(binaries(settings, "pipeline"))),
        "superset": shlex.quote(str(binaries(settings, "superset"))),
        "superset_port": str(settings.superset_port),
        "postgres": shlex.join(cluster.command(settings)) if not settings.database_url else "/bin/false",
        "run_as": "user=root" if user else "",
        "postgres_run_as": f"user={user}" if user else "",
        "postgres_revision": digest(cluster.data(settings) / "postgresql.conf", cluster.data(settings) / "pg_hba.conf"),
        "airflow_revision": digest(
            lock, airflow.home(settings) / "airflow.cfg", *sorted((settings.root / "infra").glob("airflow_*.py")), *web
        ),
        "mllp_revision": digest(lock, settings.tls / "mllp.crt", settings.var / "mllp" / "clients.pem"),
        "superset_revision": digest(lock, settings.root / "infra" / "superset_config.py", *web),
        "monitor_revision": digest(lock, settings.root / "infra" / "monitoring" / "rules.yaml"),
    }
    escaped = {name: value.replace("%", "%%") for name, value in values.items()}
    escaped["environment"] = ",".join(f'{k}="{_quoted(v)}"' for k, v in environment(settings).items())
    return Template((settings.root / "infra" / "services" / "supervisord.conf").read_text()).substitute(escaped)


def digest(*files: Path, salt: str = "") -> str:
    """A short name for the contents of ``files``; one that does not exist counts as empty."""
    sums = [hashlib.sha256(f.read_bytes() if f.exists() else b"").hexdigest() for f in files]
    return hashlib.sha256(" ".join([salt, *sums]).encode()).hexdigest()[:16]


def _quoted(value: str) -> str:
    return value.replace("%", "%%").replace('"', "")


def _without_secrets(url: str | None) -> str:
    if not url:
        return ""
    kept: dict[str, Any] = {
        k: v for k, v in conninfo.conninfo_to_dict(url).items() if k in ("host", "port", "sslmode", "sslrootcert")
    }
    return conninfo.make_conninfo(**kept)
