"""Backups: every night into both repositories, a full one a week; then every byte of them is read again."""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("back_up", schedule="30 2 * * *", **defaults(__doc__, "operations", owner="operations", hours=6)):
    wellhouse("back_up", "backup", "run") >> wellhouse("verify", "backup", "verify")
