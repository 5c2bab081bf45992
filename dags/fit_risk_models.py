"""Survival models: fitted again every Sunday; the next build scores with what beat the version before."""

from __future__ import annotations

from _defaults import defaults, model
from airflow.sdk import DAG

with DAG("fit_risk_models", schedule="0 4 * * 0", **defaults(__doc__, "risk", owner="risk-modelling")):
    model("refit_framingham_cvd", "refit", "framingham_cvd")
