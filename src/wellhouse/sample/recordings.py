"""Call recordings: a short tone for each call that a follow-up log names, and a table of calls with consent."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import numpy as np

from wellhouse.sample.files import SampleFile

HEADER = ("录音文件", "证件号码", "档案号", "录音日期", "坐席", "同意(是/否)", "时长(秒)")
RATE_HZ = 8000
SECONDS = 0.5
_CONSENT = 0.93


def write(files: list[SampleFile], folder: Path, rng: np.random.Generator) -> int:
    """Write them to ``folder``/<site>/call_recording; how many there are."""
    written = 0
    by_site: dict[str, list[dict[str, str]]] = {}
    for file in files:
        if file.source == "follow_up":
            good = (row for i, row in enumerate(file.rows) if i not in file.broken)
            by_site.setdefault(file.site, []).extend(dict(zip(file.header, row, strict=True)) for row in good)
    for site, calls in by_site.items():
        target = folder / site / "call_recording"
        target.mkdir(parents=True, exist_ok=True)
        recorded = [call for call in calls if call["录音文件"]]
        with (target / "call_recordings.csv").open("w", encoding="utf-8", newline="") as out:
            table = csv.writer(out, lineterminator="\n")
            table.writerow(HEADER)
            for call in recorded:
                consent = "是" if rng.random() < _CONSENT else "否"
                told = [call[h] for h in ("录音文件", "证件号码", "档案号", "随访日期", "随访人")]
                table.writerow([*told, consent, f"{SECONDS:g}"])
                _tone(target / call["录音文件"], float(rng.uniform(220, 880)))
        written += len(recorded)
    return written


def _tone(path: Path, hertz: float) -> None:
    time = np.arange(int(RATE_HZ * SECONDS)) / RATE_HZ
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes((8000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes())
