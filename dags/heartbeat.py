"""Canary: every five minutes the scheduler proves that it runs tasks; the monitor, outside Airflow, notices if not."""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("heartbeat", schedule="*/5 * * * *", **defaults(__doc__, "operations", owner="operations")):
    wellhouse("beat", "monitor", "beat")
