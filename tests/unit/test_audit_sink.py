"""The second sink tells what the runbook of a restore asks it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from wellhouse.audit.sink import Sink
from wellhouse.settings import PROJECT_ROOT, Settings


def test_what_was_ordered_after_an_instant_is_found_as_the_runbook_says(tmp_path: Path) -> None:
    def event(number: int, action: str, persons: list[int]) -> dict[str, object]:
        return {"event_id": number, "at": "2026-03-05T15:00:00+08:00", "action": action, "path": "cli",
                "purpose": "manager_hz", "persons": persons, "reader": "os:root"}  # fmt: skip

    sink = Sink(Settings(var=tmp_path / "var"))
    sink.begin(event(1, "begin", []))
    for number, action, persons in ((2, "revoke", []), (3, "erase", [7]), (4, "read", [8]), (5, "reset_factor", [])):
        sink.append("event", event(number, action, persons))
        sink.append("committed", {"event_id": number})
    sink.begin(event(3, "begin", []))
    (line,) = re.findall(r"grep -hE .*", (PROJECT_ROOT / "docs" / "runbooks" / "backup_restore.md").read_text())
    found = subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, text=True, capture_output=True).stdout
    entries = [json.loads(each)["entry"] for each in found.splitlines()]
    assert [(e["action"], e["persons"]) for e in entries] == [("revoke", []), ("erase", [7]), ("reset_factor", [])]
