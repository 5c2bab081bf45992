"""A repository in S3 that does not answer, or has no keys: one line each, and the other one goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.ops import backup, copies, pgbackrest
from wellhouse.settings import Settings

NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    of = Settings(var=tmp_path / "var", postgres_port=1, backup_repo1="s3://bucket/wellhouse")
    with Keyring.open(of) as ring:
        ring.create(3)
    return of.model_copy(update={"database_url": "postgresql://127.0.0.1:1/"})


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    def given(there: bool) -> None:
        for name in NAMES:
            monkeypatch.setenv(name, "made up") if there else monkeypatch.delenv(name, raising=False)
        fsspec.get_filesystem_class("s3").clear_instance_cache()

    return given


@pytest.mark.parametrize("there", [True, False])
def test_one_repository_away_holds_up_nothing(of: Settings, keys: Callable[[bool], None], there: bool) -> None:
    keys(there)
    rows = backup.run(of)
    expected = "EndpointConnectionError" if there else "NoCredentialsError"
    said = f"the store in S3 does not answer, or refuses: {expected}"
    assert [(r.repo, r.kind, r.reason) for r in rows] == [
        (1, "keystore", said), (1, "files", said), (2, "keystore", None), (2, "files", None),
    ]  # fmt: skip
    assert {r.repo for r in backup.listed(of)} == {2}
    assert [said in str(r.reason) for r in backup.verify(of)] == [True, True, False, False]
    assert copies.restore_files(of, (1, 2), of.var / "back") == copies.Restored({}, 0, [f"repository 1: {said}"])
    copy, failed = copies.restore_keystore(of, (1, 2), of.var / "back.sqlite")
    assert (copy.repo, failed) == (2, [f"repository 1: {said}"])
    assert said in copies.renew_keystore(of)[0]


def test_what_was_written_of_a_place_stays_without_keys(of: Settings, keys: Callable[[bool], None]) -> None:
    keys(True)
    first = pgbackrest.configuration(of)
    pgbackrest.folder(of).mkdir()
    pgbackrest.configuration_file(of).write_text(first)
    keys(False)
    assert pgbackrest.configuration(of) == first
    moved = of.model_copy(update={"backup_repo1": "s3://another/wellhouse"})
    with pytest.raises(WellhouseError, match="no keys for s3://another/wellhouse: set AWS_ACCESS_KEY_ID"):
        pgbackrest.configuration(moved)
