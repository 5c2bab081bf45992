"""``make bench``: every benchmark; results in ``var/bench/*.json`` and a table."""

from __future__ import annotations

import json
from dataclasses import asdict

from tests.benchmarks import dashboards, formats, ingest, marts, memory, risk, summaries
from wellhouse.settings import PROJECT_ROOT

SUITES = {
    "ingest": ingest, "memory": memory, "formats": formats, "risk": risk, "marts": marts, "dashboards": dashboards,
    "summaries": summaries,
}  # fmt: skip


def main() -> None:
    results = PROJECT_ROOT / "var" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    for name, suite in SUITES.items():
        found = []
        for f in suite.figures():
            found.append(asdict(f))
            peer = f"{f.peer:<18} {f.peer_value:>12,}  ratio {f.ratio}" if f.peer else ""
            print(f"{f.name:<13} {f.metric:<18} {f.value:>12,} {f.unit:<20} {peer}", flush=True)
        (results / f"{name}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
