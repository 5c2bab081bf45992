"""Settings of the Flask application behind Airflow's sign-in page (``[fab] config_file``)."""

from __future__ import annotations

from airflow_auth import SecurityManager

SECURITY_MANAGER_CLASS = SecurityManager
SESSION_COOKIE_HTTPONLY = True
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "20 per minute"
