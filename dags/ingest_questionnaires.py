"""Questionnaires: every night from the inbox to landing."""

from __future__ import annotations

from _defaults import defaults, ingest
from airflow.sdk import DAG

with DAG("ingest_questionnaires", schedule="0 1 * * *", **defaults(__doc__, "ingest", "questionnaire")):
    ingest("questionnaire", batches=2)
