"""Restore drill: every Saturday each repository is restored beside the cluster and compared table by table."""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("drill_restore", schedule="0 5 * * 6", **defaults(__doc__, "operations", owner="operations", hours=6)):
    wellhouse("drill", "restore", "drill")
