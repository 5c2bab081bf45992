"""Numbers as people read them: as many decimals as say something, the same for a whole series."""

from __future__ import annotations

import math
from collections.abc import Iterable

MINUS = "−"


def decimals(values: Iterable[float | None]) -> int:
    """As many as a laboratory prints for values of this size, and none that are zero in the whole series."""
    known = [v for v in values if v is not None]
    most = max((abs(v) for v in known), default=0.0)
    allowed = 0 if most >= 1000 else 1 if most >= 10 else 2 if most >= 1 else 3
    return max((_needed(v, allowed) for v in known), default=0)


def number(value: float, places: int) -> str:
    """``value`` with so many decimals and a real minus sign."""
    text = f"{value:.{places}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, places: int) -> str:
    """A change: with a plus or minus; empty when it rounds to nothing."""
    text = number(value, places)
    if float(text.replace(MINUS, "-")) == 0:
        return ""
    return text if text.startswith(MINUS) else f"+{text}"


def limits(low: float | None, high: float | None) -> str:
    """A reference range: both ends, one end, or nothing."""
    if low is not None and high is not None:
        return f"{low:g}–{high:g}".replace("-", MINUS)
    if high is not None:
        return f"≤ {high:g}"
    if low is not None:
        return f"≥ {low:g}".replace("-", MINUS)
    return ""


def ticks(low: float, high: float, about: int = 3) -> list[float]:
    """Round numbers inside ``[low, high]``, about so many."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _needed(value: float, allowed: int) -> int:
    text = f"{value:.{allowed}f}"
    return len(text.partition(".")[2].rstrip("0"))
