"""Airflow's own configuration: ``var/airflow/airflow.cfg``, a 0600 file, because it holds secrets."""

from __future__ import annotations

import base64
import hashlib
import io
from configparser import ConfigParser
from pathlib import Path

from wellhouse import db, files
from wellhouse.settings import Settings


def home(settings: Settings) -> Path:
    return settings.var / "airflow"


def url(settings: Settings) -> str:
    """Where people open Airflow and tasks report to."""
    return f"https://localhost:{settings.airflow_port}"


def configuration(settings: Settings) -> dict[str, dict[str, str]]:
    """Sections and options of ``airflow.cfg``; what is not here keeps Airflow's default."""
    return {
        "core": {
            "dags_folder": str(settings.root / "dags"),
            "executor": "LocalExecutor",
            "parallelism": "4",
            "load_examples": "False",
            "auth_manager": "airflow_auth.AuthManager",  # infra/airflow_auth.py
            "fernet_key": fernet_key(settings),
            "execution_api_server_url": f"{url(settings)}/execution/",
            "default_timezone": settings.timezone,
        },
        "database": {
            "sql_alchemy_conn": db.url("airflow", settings, "airflow", "postgresql+psycopg2"),
            # asyncpg does not read libpq's TLS parameters; psycopg does
            "sql_alchemy_conn_async": db.url("airflow", settings, "airflow", "postgresql+psycopg_async"),
            "sql_alchemy_pool_size": "3",
        },
        "api": {
            "base_url": url(settings),
            "host": "127.0.0.1",
            "port": str(settings.airflow_port),
            "workers": "1",
            "secret_key": settings.secret("airflow_secret_key"),
            "ssl_cert": str(settings.tls / "airflow.crt"),
            "ssl_key": str(settings.tls / "airflow.key"),
            "ssl_ca_file": str(settings.tls / "ca.crt"),
            "client_use_public_certs": "False",
        },
        "api_auth": {"jwt_secret": settings.secret("airflow_jwt_secret"), "jwt_issuer": "wellhouse"},
        "logging": {
            "base_log_folder": str(settings.logs / "airflow"),
            "dag_processor_child_process_log_directory": str(settings.logs / "airflow" / "dag_processor"),
            "colored_console_log": "False",
        },
        "dag_processor": {"parsing_processes": "1", "min_file_process_interval": "60", "refresh_interval": "60"},
        "scheduler": {
            "catchup_by_default": "False",
            # what a process was killed over is begun again within two minutes, not ten
            "orphaned_tasks_check_interval": "30",
            "task_instance_heartbeat_timeout": "90",
        },
        "fab": {
            "cookie_secure": "True",
            "cookie_samesite": "Lax",
            "session_lifetime_minutes": "480",
            "config_file": str(settings.root / "infra" / "airflow_webserver.py"),
        },
        "usage_data_collection": {"enabled": "False"},
    }


def fernet_key(settings: Settings) -> str:
    """32 bytes as Fernet wants them, derived from a secret of its own."""
    raw = hashlib.sha256(settings.secret("airflow_fernet_key").encode()).digest()
    return base64.urlsafe_b64encode(raw).decode()


def write(settings: Settings) -> None:
    """Bring ``airflow.cfg`` up to date; the file appears complete or not at all."""
    parser = ConfigParser(interpolation=None)
    for section, options in configuration(settings).items():
        parser[section] = {name: value.replace("%", "%%") for name, value in options.items()}
    folder = home(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = io.StringIO()
    parser.write(text)
    files.replace(folder / "airflow.cfg", text.getvalue().encode())
