"""A thousand identified reads over every way there is, compared one to one with the trail."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from tests import identified
from wellhouse.access import trail
from wellhouse.settings import Settings

READS = 1_000


def test_a_thousand_reads_are_a_thousand_reads_of_the_trail(
    built: Settings, superset_url: str, tmp_path: Path, chance: random.Random
) -> None:
    with identified.world(built, superset_url, tmp_path, chance) as world:
        before, began = identified.last(world), time.monotonic()
        taken = identified.drill(world, READS)
        events = identified.last(world) - before
        whole = trail.verify(built)
    assert sum(taken.values()) == READS
    print(f"{READS} identified reads over {len(taken)} ways in {time.monotonic() - began:.0f} s: {events} events, each "
          f"as expected and no other; both chains whole ({whole.events} events)")  # fmt: skip
    print(json.dumps(taken))
