"""``make bench``: every benchmark; results in ``var/bench/*.json`` and a table."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict

from tests.benchmarks import dashboards, formats, ingest, marts, memory, risk, summaries
from tests.benchmarks.figure import Figure
from wellhouse.settings import PROJECT_ROOT

RESULTS = PROJECT_ROOT / "var" / "bench"

SUITES = {
    "ingest": ingest, "memory": memory, "formats": formats, "risk": risk, "marts": marts, "dashboards": dashboards,
    "summaries": summaries,
}  # fmt: skip


def main() -> None:
    """A suite that fails takes only its own figures with it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    failed = [name for name, suite in SUITES.items() if not ran(name, suite.figures)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def ran(name: str, figures: Callable[[], Iterable[Figure]]) -> bool:
    """Whether a suite came to its end; what it measured until then is written either way."""
    found: list[Figure] = []
    try:
        for f in figures():
            found.append(f)
            peer = f"{f.peer:<18} {f.peer_value:>12,}  ratio {f.ratio}" if f.peer else ""
            print(f"{f.name:<13} {f.metric:<18} {f.value:>12,} {f.unit:<20} {peer}", flush=True)
    except (Exception, SystemExit):
        traceback.print_exc()
        return False
    finally:
        (RESULTS / f"{name}.json").write_text(json.dumps([asdict(f) for f in found], indent=1))
    return True


if __name__ == "__main__":
    main()
