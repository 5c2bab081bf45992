"""Revocation ends everything a reader had open; the long version is tests/faults/test_revocation.py."""

from __future__ import annotations

import pytest

from tests.revocation import trial
from wellhouse.settings import settings

TRIALS = 20
WITHIN_S = 5.0


@pytest.mark.usefixtures("superset_url")
def test_every_way_in_is_closed_within_seconds() -> None:
    took = [trial(settings(), number) for number in range(TRIALS)]
    print(f"revocation, {TRIALS} trials: max {max(took):.2f} s")
    assert max(took) < WITHIN_S
