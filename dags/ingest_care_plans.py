"""Care plans: every night from the inbox to landing."""

from __future__ import annotations

from _defaults import defaults, ingest
from airflow.sdk import DAG

with DAG("ingest_care_plans", schedule="0 1 * * *", **defaults(__doc__, "ingest", "care_plan")):
    ingest("care_plan")
