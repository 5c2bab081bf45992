"""200 revocations, the slowest of them measured."""

from __future__ import annotations

import pytest

from tests.revocation import trial
from wellhouse.settings import settings

TRIALS = 200
WITHIN_S = 5.0


@pytest.mark.usefixtures("superset_url")
def test_every_way_in_is_closed_within_seconds() -> None:
    took = sorted(trial(settings(), 1000 + number) for number in range(TRIALS))
    print(f"revocation, {TRIALS} trials: median {took[TRIALS // 2]:.2f} s, max {took[-1]:.2f} s")
    assert took[-1] < WITHIN_S
