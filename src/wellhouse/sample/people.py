"""Who the people are: birth, sex, identity, employer, and at which site they are examined each year."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from wellhouse.sample import id_numbers, names

SITES = ("hz", "sh", "cd")
CITIES = ("杭州", "上海", "成都")
FIRST_YEAR = 2019
_SHARES = (0.40, 0.35, 0.25)
_MOVES = 0.03
_ATTENDANCE = (17.0, 3.0)
"""Parameters of the beta distribution of how often a person comes: mean 0.85."""
_NO_ID_ON_FILE = 0.12

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class People:
    """P persons over Y years. ``site`` [P, Y] indexes SITES; ``exam_date`` [P, Y]; ``attends`` [P, Y]."""

    number: Ints
    name: list[str]
    first17: Ints
    id_number: list[str]
    phone: list[str]
    employer: Ints
    male: Flags
    birth: Dates
    site: Ints
    attends: Flags
    exam_date: Dates
    id_on_file: Flags
    """False: the third site knows this person by its own record number only, in every one of its files."""

    @property
    def years(self) -> int:
        return int(self.site.shape[1])

    def __len__(self) -> int:
        return len(self.name)

    def first(self, count: int) -> People:
        """The first ``count`` of them."""
        return People(**{f.name: getattr(self, f.name)[:count] for f in fields(self)})

    def record_number(self, person: int, site: int) -> str:
        """The site's own number for the person (档案号)."""
        return f"{SITES[site].upper()}{self.number[person] + 100000:07d}"

    def id_at(self, person: int, site: int) -> str:
        """The ID number as the site's files give it: blank where the site does not have it."""
        return self.id_number[person] if SITES[site] != "cd" or self.id_on_file[person] else ""

    def employer_at(self, person: int, site: int) -> str:
        """The employer's branch in the site's city."""
        return names.employers(CITIES[site])[int(self.employer[person])]


def draw(count: int, years: int, rng: np.random.Generator, taken: Ints | None = None, start: int = 0) -> People:
    """``count`` people, numbered from ``start``; ``taken``: first seventeen digits of ID numbers that exist already."""
    male = rng.random(count) < 0.52
    age = np.clip(rng.normal(45, 14, count), 19, 84)
    birth = np.datetime64(f"{FIRST_YEAR}-01-01") - (age * 365.25).astype("timedelta64[D]")
    first17 = id_numbers.draw(birth, male, rng, np.empty(0, np.int64) if taken is None else taken)
    site, moved = _sites(count, years, rng)
    attends = rng.random((count, years)) < rng.beta(*_ATTENDANCE, count)[:, None]
    attends[np.flatnonzero(~attends.any(axis=1)), 0] = True
    return People(
        number=np.arange(start, start + count),
        name=names.full_names(male, rng),
        first17=first17,
        id_number=id_numbers.written(first17),
        phone=names.phones(count, rng),
        employer=rng.integers(0, len(names.employers("")), count),
        male=male,
        birth=birth,
        site=site,
        attends=attends,
        exam_date=_exam_dates(count, years, rng),
        # Someone who moved is recognised by the ID number alone: without one the two sites would see two persons.
        id_on_file=(rng.random(count) >= _NO_ID_ON_FILE) | moved,
    )


def _sites(count: int, years: int, rng: np.random.Generator) -> tuple[Ints, Flags]:
    first = rng.choice(len(SITES), count, p=_SHARES)
    site = np.repeat(first[:, None], years, axis=1)
    moves = (rng.random(count) < _MOVES) & (years > 1)
    year = rng.integers(1, max(years, 2), count)
    target = (first + rng.integers(1, len(SITES), count)) % len(SITES)
    after = moves[:, None] & (np.arange(years)[None, :] >= year[:, None])
    return np.where(after, target[:, None], site), moves


def _exam_dates(count: int, years: int, rng: np.random.Generator) -> Dates:
    """About the same time each year, on a working day, between March and the middle of December."""
    usual = rng.integers(75, 325, count)
    day = np.clip(usual[:, None] + rng.normal(0, 12, (count, years)).astype(np.int64), 60, 345)
    january = np.array([f"{FIRST_YEAR + y}-01-01" for y in range(years)], "datetime64[D]")
    dates: Dates = np.busday_offset(january[None, :] + day.astype("timedelta64[D]"), 0, roll="forward")
    return dates
