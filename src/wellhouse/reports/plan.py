"""Which reports there are and who gets them when: data, by default ``dashboards/reports.yaml``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wellhouse.errors import WellhouseError

Language = Literal["zh", "en"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
Every = Literal["day", "week", "month"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Report(_Closed):
    """``charts`` are names of files in ``dashboards/assets/charts``, in the order in which they are printed."""

    title: dict[Language, str]
    dashboard: Slug
    charts: tuple[Slug, ...]


class Subscription(_Closed):
    report: str
    recipient: str
    every: Every
    language: Language


class Plan(_Closed):
    reports: dict[str, Report]
    subscriptions: tuple[Subscription, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Plan:
        unknown = {s.report for s in self.subscriptions} - set(self.reports)
        if unknown:
            raise ValueError(f"a subscription to {min(unknown)}, which is no report")
        return self


@dataclass(frozen=True)
class Due:
    """One report for one recipient, of the period that begins on that day."""

    name: str
    report: Report
    recipient: str
    language: Language
    period: dt.date


def load(path: Path) -> Plan:
    """:raises WellhouseError: the file cannot be read, or a field of it is wrong"""
    try:
        return Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise WellhouseError(f"{path} cannot be read: {type(error).__name__}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise WellhouseError(f"{path}: {field}: {first['msg']}") from None


def due(plan: Plan, today: dt.date) -> list[Due]:
    """What belongs to the periods that ``today`` is in, sent already or not."""
    return [
        Due(s.report, plan.reports[s.report], s.recipient, s.language, _period(s.every, today))
        for s in plan.subscriptions
    ]


def _period(every: Every, today: dt.date) -> dt.date:
    if every == "week":
        return today - dt.timedelta(days=today.weekday())
    return today.replace(day=1) if every == "month" else today
