"""Commands of others that do not outlive the one of ours that started them."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike


def bound(command: Sequence[str | PathLike[str]], signal: str = "TERM") -> list[str]:
    """The command as the kernel ends it when its parent ends, however that was (prctl(2), PR_SET_PDEATHSIG).

    Otherwise a build goes on when whoever held its lock is gone, and the next one begins beside it.
    """
    return ["setpriv", "--pdeathsig", signal, *map(str, command)]
