"""One measured figure, in the form of every benchmark."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``ratio``: how many times as good as the peer; 0 without one."""

    name: str
    metric: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    rows: int
    machine: str


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} cores, {memory} GiB, {platform.machine()}"


def rate(name: str, value: float, unit: str, rows: int, peer: str = "", peer_value: float = 0.0) -> Figure:
    """Of what more is better."""
    ratio = round(value / peer_value, 2) if peer_value else 0.0
    return Figure(name, "throughput", round(value), unit, peer, round(peer_value), ratio, rows, machine())


def cost(name: str, metric: str, value: float, unit: str, rows: int, peer: str = "", peer_value: float = 0.0) -> Figure:
    """Of what less is better, such as seconds."""
    ratio = round(peer_value / value, 3) if peer_value else 0.0
    return Figure(name, metric, round(value, 3), unit, peer, round(peer_value, 3), ratio, rows, machine())
