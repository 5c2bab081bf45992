"""What the watchdog must still know when it was killed: what it has read and told, and what waits to be told."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from wellhouse import files
from wellhouse.monitor.notify import Notice
from wellhouse.monitor.rules import State
from wellhouse.settings import Settings


@dataclass
class Memory:
    """``read``: bytes of ``alerts.log``; ``waiting``: by channel."""

    read: int
    state: State = field(default_factory=State)
    waiting: dict[str, list[Notice]] = field(default_factory=dict)


def load(settings: Settings, read: int) -> Memory:
    """As it was kept; on the first start, or when the file is damaged, a new one that has read so much."""
    try:
        return msgspec.json.decode(_file(settings).read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory(read)
    except (OSError, msgspec.DecodeError) as error:
        print(f"monitor: begins anew, {_file(settings)}: {type(error).__name__}", file=sys.stderr, flush=True)
        return Memory(read)


def keep(settings: Settings, memory: Memory) -> None:
    """On its disk when this returns."""
    _file(settings).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.replace(_file(settings), msgspec.json.encode(memory))


def _file(settings: Settings) -> Path:
    return settings.var / "monitor" / "memory.json"
