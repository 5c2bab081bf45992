"""What was freed goes back to the kernel, or a long file would seem to need more memory than a short one."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_BYTES = 1 << 18


def return_blocks() -> None:
    """Blocks from a quarter of a MiB on are mapped and unmapped one by one (mallopt(3)).

    Left alone, glibc takes the size of the largest that was freed for the limit and cuts what is smaller out of heaps,
    which hardly ever shrink. Other C libraries than glibc have no such limit.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _BYTES)
