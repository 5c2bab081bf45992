"""Every grant against what is declared, every night: what nobody declared becomes an alert."""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("review_access", schedule="50 5 * * *", **defaults(__doc__, "access", owner="security")):
    wellhouse("review", "access", "review")
