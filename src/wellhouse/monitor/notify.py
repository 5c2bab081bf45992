"""Tell people: the log always, a webhook and e-mail where they are configured, both over verified TLS only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import httpx

from wellhouse import mail
from wellhouse.errors import WellhouseError
from wellhouse.monitor.rules import Alert
from wellhouse.settings import Settings

FIRING, RESOLVED, EVENT = "firing", "resolved", "event"


@dataclass(frozen=True)
class Notice:
    """One line for whoever is on duty."""

    status: str
    name: str
    severity: str
    en: str
    zh: str
    at: str

    @property
    def line(self) -> str:
        return f"{self.name} ({self.severity}) {self.status}: {self.en} / {self.zh}"

    def as_json(self) -> dict[str, str]:
        return {
            "status": self.status, "name": self.name, "severity": self.severity,
            "en": self.en, "zh": self.zh, "at": self.at,
        }  # fmt: skip


def of_alert(alert: Alert, status: str, settings: Settings) -> Notice:
    at = dt.datetime.now(ZoneInfo(settings.timezone)).isoformat(timespec="seconds")
    return Notice(
        status, alert.key, alert.severity, f"{alert.en} ({alert.value:g})", f"{alert.zh}（{alert.value:g}）", at
    )


def of_line(line: str, settings: Settings) -> Notice:
    """What somebody else wrote to ``alerts.log``: a task that failed, an unusual read."""
    at = dt.datetime.now(ZoneInfo(settings.timezone)).isoformat(timespec="seconds")
    text = line.partition(" ALERT ")[2].strip()
    return Notice(EVENT, text.split(" ", 1)[0], "warning", text, text, at)


def channels(settings: Settings) -> dict[str, Callable[[Settings, list[Notice]], None]]:
    """Those that are configured, by name."""
    found: dict[str, Callable[[Settings, list[Notice]], None]] = {}
    if settings.alert_webhook_url:
        found["webhook"] = _webhook
    if settings.alert_smtp_host:
        found["e-mail"] = _email
    return found


def _webhook(settings: Settings, notices: list[Notice]) -> None:
    url = settings.alert_webhook_url or ""
    if not url.startswith("https://"):
        raise WellhouseError("WELLHOUSE_ALERT_WEBHOOK_URL: expected https://…")
    token = settings.secret_file("alert_webhook_token")
    headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
    try:
        with httpx.Client(verify=mail.tls(settings), timeout=15, trust_env=False) as client:
            client.post(url, json={"alerts": [n.as_json() for n in notices]}, headers=headers).raise_for_status()
    except (httpx.HTTPError, OSError) as error:
        raise WellhouseError(f"the webhook did not take it: {type(error).__name__}") from None


def _email(settings: Settings, notices: list[Notice]) -> None:
    message = EmailMessage()
    worst = "critical" if any(n.severity == "critical" for n in notices) else "warning"
    message["Subject"] = f"[wellhouse] {worst}: {notices[0].name}" + (
        f" (+{len(notices) - 1})" if len(notices) > 1 else ""
    )
    message["From"], message["To"] = settings.alert_smtp_from, settings.alert_smtp_to
    message.set_content("\n".join(f"{n.at} {n.line}" for n in notices) + "\n")
    mail.send(settings, message)
