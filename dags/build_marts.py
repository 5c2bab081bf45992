"""Marts and risk scores: after anything has landed.

A failed gate or build is not tried again: the same rows would fail the same way. Yesterday's marts stay in place.
"""

from __future__ import annotations

from _defaults import LANDED, MARTS, defaults, model, wellhouse
from airflow.sdk import DAG, AssetAny

with DAG("build_marts", schedule=AssetAny(*LANDED.values()), **defaults(__doc__, "build")):
    (
        wellhouse("gate", "gate", "run", retries=0)
        >> wellhouse("before_scoring", "dbt", "build", "--selector", "before_scoring", retries=0)
        >> model("score", "score")
        >> wellhouse("after_scoring", "dbt", "build", "--selector", "after_scoring", retries=0, outlets=[MARTS])
    )
