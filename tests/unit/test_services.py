"""What reaches the services: every setting, and keys from the environment that no file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellhouse.ops import services
from wellhouse.settings import Settings

OF_THE_STARTER = {"credentials_directory"}
"""systemd's own name for it is handed down."""


def test_every_setting_reaches_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "score2_risk_region": "low", "audit_syslog": "log:6514", "audit_syslog_ca": tmp_path, "alert_ca": tmp_path,
        "kek": "k", "kek_retired": "k", "kek_transit_ca": tmp_path, "recordings_url": "s3://bucket/recordings",
    }  # fmt: skip
    of = Settings(var=tmp_path).model_copy(update=given)
    passed = services.environment(of) | services.handed_down(of)
    assert {n for n in Settings.model_fields if f"WELLHOUSE_{n.upper()}" not in passed} == OF_THE_STARTER
    assert passed["WELLHOUSE_RECORDINGS_URL"] == "s3://bucket/recordings"
    assert passed["WELLHOUSE_SCORE2_RISK_REGION"] == "low"
    assert "WELLHOUSE_SCORE2_RISK_REGION" not in services.environment(Settings(var=tmp_path)), "empty is no region"


def test_the_keys_of_s3_are_handed_down_where_something_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made up")
    here, there = Settings(var=tmp_path), Settings(var=tmp_path, backup_repo2="s3://bucket/wellhouse")
    assert "AWS_ACCESS_KEY_ID" not in services.handed_down(here)
    assert services.handed_down(there)["AWS_ACCESS_KEY_ID"] == "made up"
    assert "made up" not in services.environment(there).values(), "it is in no file"
