"""Resident identity numbers in the form of GB 11643-1999: region, birth date, sequence, check character."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

REGIONS = np.array(
    [330102, 330105, 330106, 330108, 330109, 310101, 310104, 310105, 310106, 310110, 310115, 510104, 510105, 510106,
     510107, 510108, 320102, 340103, 350102, 360102, 370102, 420106, 430102, 440106, 500103]
)  # fmt: skip
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECK = "10X98765432"
_POWERS = 10 ** np.arange(16, -1, -1, dtype=np.int64)

Ints = npt.NDArray[np.int64]


def check_characters(first17: Ints) -> list[str]:
    """ISO 7064 MOD 11-2 over the first seventeen digits."""
    digits = first17[:, None] // _POWERS % 10
    return [_CHECK[r] for r in (digits @ _WEIGHTS % 11).tolist()]


def draw(birth: npt.NDArray[np.datetime64], male: npt.NDArray[np.bool_], rng: np.random.Generator, taken: Ints) -> Ints:
    """First seventeen digits, different from each other and from ``taken``."""
    text = np.char.replace(np.datetime_as_string(birth, unit="D"), "-", "")
    day = text.astype(np.int64)
    numbers = np.zeros(len(birth), np.int64)
    open_ = np.arange(len(birth))
    while len(open_):
        region = rng.choice(REGIONS, len(open_))
        sequence = rng.integers(1, 500, len(open_)) * 2 - male[open_]  # odd for men
        numbers[open_] = (region * 10**8 + day[open_]) * 1000 + sequence
        _, first = np.unique(numbers, return_index=True)
        again = np.ones(len(birth), bool)
        again[first] = False
        open_ = np.flatnonzero(again | np.isin(numbers, taken))
    return numbers


def written(first17: Ints) -> list[str]:
    """The eighteen characters."""
    return [f"{n}{c}" for n, c in zip(first17.tolist(), check_characters(first17), strict=True)]


def with_wrong_check_character(number: str) -> str:
    """The same number with a check character that cannot be its own."""
    return number[:17] + _CHECK[(_CHECK.index(number[17]) + 1) % len(_CHECK)]


def as_a_spreadsheet_shows_it(number: str) -> str:
    """What is left of a number after a spreadsheet took it for one: ``4.40106E+17``."""
    return f"{float(number[:17] + '0'):.5E}"
