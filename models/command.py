"""How every ``python -m models.<verb>`` ends: exit 0, or one line on standard error and exit 1 or 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from wellhouse.errors import WellhouseError


class UsageError(WellhouseError):
    """The command was asked for something that does not exist: exit 2."""


def run(main: Callable[[], None]) -> NoReturn:
    """Run ``main`` and leave the process with its exit code."""
    try:
        main()
    except WellhouseError as error:
        print(f"wellhouse: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    sys.exit(0)
