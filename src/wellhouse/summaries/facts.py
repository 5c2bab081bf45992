"""What a health summary says, before it is put into words: one person at one site, as the marts have it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    person_key: int
    site: str
    site_zh: str
    site_en: str
    sex: str | None


@dataclass(frozen=True)
class Exam:
    """The latest exam."""

    exam_key: int
    exam_date: dt.date
    age_years: int | None
    exam_count: int


@dataclass(frozen=True)
class Result:
    """One indicator of the latest exam beside the same of the exam before; values in ``unit`` (UCUM)."""

    indicator_code: str
    name_zh: str
    name_en: str
    category: str
    worse_direction: str
    unit: str
    value: float | None
    value_text: str | None
    comparator: str | None
    reference_low: float | None
    reference_high: float | None
    interpretation: str | None
    previous: float | None
    previous_text: str | None
    previous_comparator: str | None
    previous_interpretation: str | None
    previous_date: dt.date | None
    change: float | None

    @property
    def abnormal(self) -> bool:
        return self.interpretation in ("L", "H", "A")


@dataclass(frozen=True)
class Point:
    """One value of a series, and where people of the same sex and age stand (10th and 90th percentile)."""

    exam_date: dt.date
    value: float
    comparator: str | None
    interpretation: str | None
    reference_low: float | None
    reference_high: float | None
    population_p10: float | None
    population_p90: float | None


@dataclass(frozen=True)
class Series:
    """One indicator over all exams, oldest first; ``slope_per_year`` is None where it says nothing."""

    indicator_code: str
    name_zh: str
    name_en: str
    unit: str
    slope_per_year: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Change:
    """The risk ``then``, if the input were at ``target`` and all else as it is; input `all`: every one together."""

    input: str
    target: float | None
    then: float


@dataclass(frozen=True)
class Risk:
    """One output of an equation or a model; ``value`` is None when the person is not eligible."""

    model: str
    value: float | None
    unit: str
    category: str | None
    reason_zh: str | None
    reason_en: str | None
    source: str
    missing: tuple[str, ...] = ()
    """Inputs that are not known, as `models/inputs.yml` names them."""
    changes: tuple[Change, ...] = ()
    own: float | None = None
    """The risk recalibrated to the centre's own people, where that was done."""


@dataclass(frozen=True)
class FollowUp:
    follow_up_date: dt.date
    method: str
    outcome: str
    next_date: dt.date | None


@dataclass(frozen=True)
class Due:
    """A follow-up that is to come, or should have been."""

    due_date: dt.date
    overdue_days: int
    text_zh: str
    text_en: str


@dataclass(frozen=True)
class Advice:
    """Reviewed text with the source it rests on."""

    topic: str
    text_zh: str
    text_en: str
    source: str


@dataclass(frozen=True)
class Stage:
    """One indicator in the first and in the latest year, where that is a real change or another verdict."""

    indicator_code: str
    name_zh: str
    name_en: str
    unit: str
    year_from: int
    year_to: int
    value_from: float
    value_to: float
    change: float
    interpretation_from: str | None
    interpretation_to: str | None


@dataclass(frozen=True)
class Facts:
    """Everything of one summary. ``identity`` is None for a reader who may not know who this is."""

    person: Person
    identity: dict[str, str] | None
    exam: Exam
    results: tuple[Result, ...]
    series: tuple[Series, ...]
    risks: tuple[Risk, ...]
    follow_ups: tuple[FollowUp, ...]
    due: tuple[Due, ...]
    advice: tuple[Advice, ...]
    stages: tuple[Stage, ...]
    built_at: dt.datetime
    """When the marts were built; in the installation's time zone."""
    loads: tuple[int, ...]
    """Numbers in the ledger of the files that the latest exam came from."""
