"""Numbers as they are printed."""

from __future__ import annotations

import pytest

from wellhouse.summaries import numbers


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([120.0, 131.0], 0),
        ([120.0, 131.5], 1),
        ([1480.4], 0),
        ([24.04, 25.31], 1),
        ([5.6, 5.432], 2),
        ([0.4714], 3),
        ([0.5], 1),
        ([], 0),
        ([None, 5.0], 0),
    ],
)
def test_a_series_has_as_many_decimals_as_say_something(values: list[float | None], places: int) -> None:
    assert numbers.decimals(values) == places


@pytest.mark.parametrize(
    ("value", "places", "text"), [(5.5, 2, "5.50"), (-1.26, 1, "−1.3"), (-0.04, 1, "0.0"), (1234.0, 0, "1234")]
)
def test_number(value: float, places: int, text: str) -> None:
    assert numbers.number(value, places) == text


@pytest.mark.parametrize(("value", "text"), [(0.26, "+0.3"), (-0.26, "−0.3"), (0.04, ""), (0.0, "")])
def test_a_change_has_a_sign_or_is_nothing(value: float, text: str) -> None:
    assert numbers.signed(value, 1) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(3.9, 6.1, "3.9–6.1"), (None, 5.19, "≤ 5.19"), (1.0, None, "≥ 1"), (None, None, ""), (-2.5, None, "≥ −2.5")],
)
def test_limits(low: float | None, high: float | None, text: str) -> None:
    assert numbers.limits(low, high) == text


def test_ticks_are_round_and_inside() -> None:
    assert numbers.ticks(88.0, 147.0) == [100.0, 120.0, 140.0]
    assert numbers.ticks(0.7, 1.6) == [1.0, 1.5]
    assert numbers.ticks(5.0, 5.0) == [5.0]
