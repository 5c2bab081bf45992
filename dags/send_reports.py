"""Scheduled reports by e-mail, each with its recipient's own rights: what is due today and was not sent yet."""

from __future__ import annotations

from _defaults import defaults, wellhouse
from airflow.sdk import DAG

with DAG("send_reports", schedule="0 7 * * *", **defaults(__doc__, "report", owner="operations")):
    wellhouse("send", "report", "send")
