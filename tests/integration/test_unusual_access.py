"""Each rule on unusual access: told when it happens, once, and not told when it does not."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import psycopg
import pytest

from wellhouse import audit
from wellhouse.access import unusual
from wellhouse.access.alerts import Alert
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

HZ, SH = 2**41 + 1, 2**41 + 2


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    """Two persons of two sites. Events get their times by hand, so the trail is put back as it was."""
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    file = stack.var / "audit" / "trail.jsonl"
    with administrator(stack, stack.database) as server:
        (last,) = server.execute("select max(event_id) from audit.event").fetchone() or (0,)
        before = file.read_bytes()
        for key, site in ((HZ, "hz"), (SH, "sh")):
            server.execute("insert into vault.person values (%s, 'none', '', '')", (key,))
            server.execute("insert into vault.person_site values (%s, %s)", (key, site))
        server.execute("delete from ops.alert")
        yield server
        server.execute("delete from vault.person where person_key in (%s, %s)", (HZ, SH))
        server.execute("delete from ops.alert")
        server.execute("delete from audit.event where event_id > %s", (last,))
    file.write_bytes(before)


def seen(of: Settings, server: psycopg.Connection, at: dt.datetime, *persons: int, action: str = "read") -> None:
    number = audit.record(of, "wh_u_manager_hz", action=action, path="test", purpose="a test", persons=persons)
    server.execute("update audit.event set at = %s where event_id = %s", (at, number))


def alerts(of: Settings, since: dt.datetime) -> list[Alert]:
    """What is told of that day: what other tests read today may well be by night, or of persons of another site."""
    return [
        alert
        for alert in unusual.watch(of, since)
        if dt.datetime.fromisoformat(alert.detail["since"]).astimezone(ZONE).date() == NOON.date()
    ]


def told(of: Settings, since: dt.datetime) -> list[tuple[str, str]]:
    return [(alert.rule, alert.subject) for alert in alerts(of, since)]


ZONE = ZoneInfo("Asia/Shanghai")
NOON = (dt.datetime.now(ZONE) - dt.timedelta(days=1)).replace(hour=12, minute=5)
NIGHT = NOON.replace(hour=23)
SINCE = NOON.replace(hour=0)
ME = "wh_u_manager_hz"


def test_an_ordinary_day_is_no_news(stack: Settings, server: psycopg.Connection) -> None:
    seen(stack, server, NOON, HZ)
    seen(stack, server, NOON, HZ, action="export")
    assert told(stack, SINCE) == []


def test_a_night(stack: Settings, server: psycopg.Connection) -> None:
    seen(stack, server, NIGHT, HZ)
    assert told(stack, SINCE) == [("odd_hours", ME)]
    assert told(stack, SINCE) == [], "the same thing is told once"


def test_a_person_of_another_site(stack: Settings, server: psycopg.Connection) -> None:
    seen(stack, server, NOON, HZ, SH)
    (alert,) = alerts(stack, SINCE)
    assert (alert.rule, alert.subject, alert.detail["persons"]) == ("foreign_site", ME, 1)
    written = server.execute("select detail::text from ops.alert").fetchall()
    assert written
    assert not any(str(SH) in text for (text,) in written), "an alert names no person"


def test_more_persons_than_usual(stack: Settings, server: psycopg.Connection) -> None:
    many = range(1, 121)
    seen(stack, server, NOON, *many)
    assert told(stack, SINCE) == [("unusual_volume", ME)]


def test_as_many_persons_as_always(stack: Settings, server: psycopg.Connection) -> None:
    many = range(1, 121)
    seen(stack, server, NOON - dt.timedelta(days=5), *many)
    seen(stack, server, NOON, *many)
    assert told(stack, SINCE) == []


def test_many_exported_a_few_at_a_time(stack: Settings, server: psycopg.Connection) -> None:
    for start in range(1, 60, 10):
        seen(stack, server, NOON, *range(start, start + 10), action="export")
    assert told(stack, SINCE) == [("mass_export", ME)]
