"""Call recordings with consent: every night from the inbox, metadata to landing, audio sealed to the store."""

from __future__ import annotations

from _defaults import defaults, ingest
from airflow.sdk import DAG

with DAG("ingest_call_recordings", schedule="0 1 * * *", **defaults(__doc__, "ingest", "call_recording")):
    ingest("call_recording")
