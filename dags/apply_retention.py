"""What is older than infra/retention.yaml keeps it goes, every night before the loads."""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("apply_retention", schedule="30 0 * * *", **defaults(__doc__, "retention", owner="security")):
    wellhouse("expire", "record", "expire")
