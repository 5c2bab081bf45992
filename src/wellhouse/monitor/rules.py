"""Rules over samples: which alerts are firing. The rules are data, ``infra/monitoring/rules.yaml``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from wellhouse.monitor.measures import Sample


@dataclass(frozen=True)
class Rule:
    """A sample is in breach above ``above`` or below ``below``; after ``for_s`` seconds its alert fires."""

    rule: str
    measure: str
    severity: str
    en: str
    zh: str
    for_s: float = 0
    above: float | None = None
    below: float | None = None

    def breached(self, value: float) -> bool:
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)


@dataclass(frozen=True)
class Alert:
    """A rule that does not hold for one set of labels."""

    rule: str
    severity: str
    labels: dict[str, str]
    value: float
    en: str
    zh: str

    @property
    def key(self) -> str:
        named = ",".join(f"{name}={self.labels[name]}" for name in sorted(self.labels))
        return f"{self.rule}({named})" if named else self.rule


@dataclass
class State:
    """Since when each breach lasts, and which alerts fire."""

    since: dict[str, float] = field(default_factory=dict)
    firing: dict[str, Alert] = field(default_factory=dict)

    def update(self, rules: Iterable[Rule], samples: Iterable[Sample], now: float) -> tuple[list[Alert], list[Alert]]:
        """What began and what ended with these samples. What could not be measured stays as it was."""
        began, ended = [], []
        by_measure: dict[str, list[Rule]] = {}
        for rule in rules:
            by_measure.setdefault(rule.measure, []).append(rule)
        for sample in samples:
            for rule in by_measure.get(sample.measure, ()):
                alert = Alert(rule.rule, rule.severity, sample.labels, sample.value, rule.en, rule.zh)
                if not rule.breached(sample.value):
                    self.since.pop(alert.key, None)
                    if alert.key in self.firing:
                        ended.append(self.firing.pop(alert.key))
                elif now - self.since.setdefault(alert.key, now) >= rule.for_s and alert.key not in self.firing:
                    self.firing[alert.key] = alert
                    began.append(alert)
        return began, ended


def load(root: Path) -> list[Rule]:
    """The rules of the project.

    :raises TypeError: a rule has a field that there is not
    """
    return [Rule(**row) for row in yaml.safe_load((root / "infra" / "monitoring" / "rules.yaml").read_text())]
