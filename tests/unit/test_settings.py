"""A setting that is not what it must be is one line, without its value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wellhouse.errors import WellhouseError
from wellhouse.settings import settings


@pytest.fixture(autouse=True)
def _read_again() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("SCORE2_RISK_REGION", "Atlantis", "'very_high'"), ("POSTGRES_PORT", "hidden-word", "integer")],
)
def test_a_wrong_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"WELLHOUSE_{name}", value)
    with pytest.raises(WellhouseError) as caught:
        settings()
    assert str(caught.value).startswith(f"WELLHOUSE_{name}: ")
    assert expected in str(caught.value)
    assert value not in str(caught.value)
    assert "\n" not in str(caught.value)
