"""The audit trail, every hour: are both sinks whole, and was anything unusual read?"""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("watch_access", schedule="20 * * * *", **defaults(__doc__, "access", owner="security")):
    wellhouse("verify", "audit", "verify") >> wellhouse("watch", "audit", "watch", trigger_rule="all_done")
