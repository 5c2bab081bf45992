"""Every way in which the product shows identified data, each as one read and the events that the trail must then hold.

A new way belongs into ``WAYS``; ``tests/unit/test_identified_ways.py`` fails when a module opens identities, originals
or audio and no way here goes through it.
"""

from __future__ import annotations

import datetime as dt
import io
import random
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msoffcrypto
import psycopg
import yaml
from openpyxl import load_workbook
from typer.testing import CliRunner

from tests.mail_server import mail_server, parsed
from tests.superset.conftest import browser
from wellhouse import audit, cli
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.reports import deliver
from wellhouse.settings import PROJECT_ROOT, Settings

UNAVAILABLE = {
    language: words["unavailable"]["text"]
    for language, words in yaml.safe_load((PROJECT_ROOT / "src/wellhouse/web/texts.yaml").read_text()).items()
}
"""What a page says when nothing may be shown, by language."""
MANAGER, ANALYST, SITE = "manager_hz", "analyst_hz", "hz"
Event = tuple[str, str, str, str, tuple[int, ...], int | None]
"""Reader, action, path, purpose, persons, rows: a line of the trail without its number and moment."""


class RefusedError(Exception):
    """Nothing was shown."""


@dataclass
class World:
    """A built installation with two people signed in, and what there is to read in it."""

    of: Settings
    server: psycopg.Connection
    folder: Path
    chance: random.Random
    browsers: dict[str, httpx.Client]
    mail_port: int
    mails: list[str]
    pools: dict[str, list[Any]]
    done: int = 0
    days: list[str] = field(default_factory=list)

    def one(self, pool: str) -> Any:
        return self.chance.choice(self.pools[pool])

    def purpose(self) -> str:
        """Another one each time, so that each event is of exactly one read."""
        self.done += 1
        return f"drill read {self.done}"

    def output(self) -> Path:
        self.done += 1
        return self.folder / f"shown_{self.done}"


Read = tuple[bytes, list[Event]]
"""What was shown, and the events that say so."""


def command(*words: object) -> bytes:
    """A command of the product, as its users type it: its standard output."""
    done = CliRunner().invoke(cli.main, [str(w) for w in words])
    if isinstance(done.exception, WellhouseError):
        assert done.stdout_bytes == b"", "refused and yet shown"
        raise RefusedError(str(done.exception))
    assert done.exit_code == 0, (words, done.exception, done.output)
    return done.stdout_bytes


def written(output: Path, *words: object) -> bytes:
    """The file that a command writes; refused, there is none."""
    try:
        command(*words, "--output", output)
    except RefusedError:
        assert not output.exists() or not any(output.iterdir())
        raise
    return output.read_bytes() if output.is_file() else b"".join(p.read_bytes() for p in sorted(output.glob("*.pdf")))


def page(world: World, username: str, path: str, **headers: str) -> bytes:
    answer = world.browsers[username].get(f"/wellhouse{path}", headers={"Accept": "text/html"} | headers)
    if answer.status_code not in (200, 206):
        assert answer.status_code == 503, answer.status_code
        assert "text/html" in answer.headers["Content-Type"]
        assert any(line in answer.text for line in UNAVAILABLE.values())
        raise RefusedError(path)
    return answer.content


def reader(username: str) -> str:
    return audit.reader(username)


def event(who: str, action: str, path: str, purpose: str, persons: list[int], rows: int | None = 1) -> Event:
    return who, action, path, purpose, tuple(sorted(set(persons))), rows


def record_show(world: World) -> Read:
    (load, row, persons), purpose = world.one("originals"), world.purpose()
    whose, who = world.chance.choice([((), audit.operator()), (("--as", MANAGER), reader(MANAGER))])
    shown = command("record", "show", load, row, "--purpose", purpose, *whose)
    return shown, [event(who, "read", "record", purpose, persons)]


def quarantine_show(world: World) -> Read:
    (load, row, persons), purpose = world.one("refused"), world.purpose()
    shown = command("quarantine", "show", load, row, "--purpose", purpose, "--as", MANAGER)
    return shown, [event(reader(MANAGER), "read", "quarantine", purpose, persons)]


def subject_export(world: World) -> Read:
    person, purpose, output = world.one("persons"), world.purpose(), world.output()
    shown = written(output, "subject", "export", person, "--purpose", purpose)
    assert "identity.json" in zipfile.ZipFile(io.BytesIO(shown)).namelist()
    return shown, [
        event(audit.operator(), "reveal", "summary", "health summary", [person]),
        event(audit.operator(), "export", "subject", purpose, [person]),
    ]


def compared(world: World) -> Read:
    """Two who are two people: what is known of both is looked at to say so."""
    kept, gone = world.chance.sample(world.pools["persons"], 2)
    purpose = world.purpose()
    try:
        command("person", "merge", kept, gone, "--purpose", purpose)
    except RefusedError as refused:
        if "two" not in str(refused):
            raise
        return str(refused).encode(), [event(audit.operator(), "read", "person", purpose, [kept, gone], None)]
    raise AssertionError("two people became one")


def _summary(world: World, username: str) -> tuple[int, list[Event]]:
    person = world.one("persons")
    actions = ["read", "reveal"] if username == MANAGER else ["read"]
    return person, [event(reader(username), a, "summary", "health summary", [person]) for a in actions]


def summary_by_command(world: World) -> Read:
    username = world.chance.choice((MANAGER, ANALYST))
    person, events = _summary(world, username)
    return written(world.output(), "summary", person, "--as", username), events


def summary_by_web(world: World) -> Read:
    username = world.chance.choice((MANAGER, ANALYST))
    person, events = _summary(world, username)
    return page(world, username, f"/people/{person}/summary.pdf?lang={world.chance.choice(('zh', 'en'))}"), events


def summaries(world: World) -> Read:
    count = world.chance.randint(1, 4)
    year, output = world.one("years"), world.output()
    found = world.server.execute(
        """select distinct person_key from marts.fct_exam where site = %s and extract(year from exam_date) = %s
           order by 1 limit %s""",
        (SITE, year, count),
    ).fetchall()
    persons = [int(p) for (p,) in found]
    shown = written(output, "summaries", "--site", SITE, "--year", year, "--limit", count, "--as", MANAGER)
    return shown, [
        event(reader(MANAGER), action, "summary", "health summary", persons, len(persons))
        for action in ("export", "reveal")
    ]


def person_page(world: World) -> Read:
    person, username = world.one("persons"), world.chance.choice((MANAGER, ANALYST))
    action = "reveal" if username == MANAGER else "read"
    return page(world, username, f"/people/{person}"), [
        event(reader(username), action, "person page", "care", [person])
    ]


def recording_saved(world: World) -> Read:
    (recording, person, _), purpose = world.one("recordings"), world.purpose()
    shown = written(world.output(), "recording", "save", recording, "--as", MANAGER, "--purpose", purpose)
    return shown, [event(reader(MANAGER), "read", "recording", purpose, [person])]


def recording_heard(world: World) -> Read:
    recording, person, _ = world.one("recordings")
    shown = page(world, MANAGER, f"/recordings/{recording}/audio")
    return shown, [event(reader(MANAGER), "read", "recording", "care", [person])]


def recording_heard_in_parts(world: World) -> Read:
    """As a player asks: each stretch is a read of its own."""
    recording, person, size = world.one("recordings")
    stretches = [f"bytes={a}-{a + 99}" for a in sorted(world.chance.sample(range(size - 100), 3))] + ["bytes=-44"]
    shown = b"".join(page(world, MANAGER, f"/recordings/{recording}/audio", Range=s) for s in stretches)
    assert len(shown) == 344
    return shown, [event(reader(MANAGER), "read", "recording", "care", [person])] * len(stretches)


def work_list(world: World) -> Read:
    due = world.server.execute(
        "select person_key from marts.fct_follow_up_due where site = %s and due_status in ('open', 'overdue')", (SITE,)
    ).fetchall()
    shown = page(world, MANAGER, f"/work-list.{world.chance.choice(('csv', 'xlsx'))}")
    return shown, [event(reader(MANAGER), "export", "work list", "care", [p for (p,) in due], len(due))]


def scheduled_report(world: World) -> Read:
    """The persons and rows of the event are those of the sealed workbook that went out."""
    day = dt.date(2027, 1, 1) + dt.timedelta(days=len(world.days))
    world.days.append(str(day))
    of = world.of.model_copy(
        update={
            "alert_smtp_host": "localhost", "alert_smtp_port": world.mail_port, "alert_ca": world.of.tls / "ca.crt",
            "reports": _plan(world.folder),
        }
    )  # fmt: skip
    before = len(world.mails)
    (outcome,) = deliver.send_due(of, day)
    if outcome.status != deliver.SENT:
        assert world.mails[before:] == []
        raise RefusedError(outcome.reason)
    (mail,) = world.mails[before:]
    (book,) = [p for p in parsed(mail).iter_attachments() if p.get_filename().endswith(".xlsx")]
    out = io.BytesIO()
    file = msoffcrypto.OfficeFile(io.BytesIO(book.get_content()))
    file.load_key(password=of.secret(f"report_password_{MANAGER}"))
    file.decrypt(out)
    head, *rows = load_workbook(out).worksheets[0].iter_rows(values_only=True)
    person = head.index(next(h for h in head if "Person" in str(h)))
    persons = [int(row[person]) for row in rows]
    return out.getvalue(), [event(reader(MANAGER), "export", "report", "scheduled report work", persons, len(rows))]


def _plan(folder: Path) -> Path:
    path = folder / "reports.yaml"
    path.write_text("""
reports:
  work: {title: {zh: 随访, en: Follow-up}, dashboard: follow-up, charts: [work-list]}
subscriptions:
  - {report: work, recipient: manager_hz, every: day, language: zh}
""")
    return path


Way = Callable[[World], Read]
WAYS: dict[Way, tuple[str, int]] = {
    record_show: ("ingest/record.py", 6),
    quarantine_show: ("ingest/record.py", 6),
    subject_export: ("access/portability.py", 3),
    compared: ("landing/merges.py", 6),
    summary_by_command: ("summaries/collect.py", 6),
    summary_by_web: ("summaries/collect.py", 8),
    summaries: ("summaries/collect.py", 4),
    person_page: ("web/reading.py", 12),
    recording_saved: ("access/recordings.py", 6),
    recording_heard: ("access/recordings.py", 10),
    recording_heard_in_parts: ("access/recordings.py", 4),
    work_list: ("web/reading.py", 4),
}
"""Way → the module that opens what is sealed, and how often it is taken among the others."""
RARE: tuple[Way, ...] = (scheduled_report,)
"""Taken once each: a report starts Superset's environment, which takes half a minute."""

_ORIGINALS = """
    select o.load_id, o.row_first, array_agg(distinct p.person_key) filter (where p.person_key is not null)
    from landing.original o join ops.load l using (load_id)
    left join landing.original p on p.load_id = o.load_id and o.row_first between p.row_first and p.row_last
    where l.site = %s and o.row_first > 0 and {} group by 1, 2 order by random() limit 400
"""
_POOLS = {
    "persons": "select person_key from marts.dim_person where site = %s and exam_count > 0 order by 1",
    "years": "select distinct extract(year from exam_date)::int from marts.fct_exam where site = %s order by 1",
    "recordings": """select f.recording_key, f.person_key, max(c.bytes)::int from marts.fct_call_recording f
                     join landing.call_recording c using (recording_key) where f.site = %s group by 1, 2 order by 1""",
    "originals": _ORIGINALS.format("o.person_key is not null"),
    "refused": _ORIGINALS.format("""exists (select from quarantine.record q
                                    where q.load_id = o.load_id and q.row_number = o.row_first)"""),
}


@contextmanager
def world(of: Settings, url: str, folder: Path, chance: random.Random) -> Iterator[World]:
    """Two people signed in over ``of``, a mail server, and all that a read can be of."""
    readers.set_email(of, MANAGER, f"{MANAGER}@example.org")
    with administrator(of, of.database) as server, mail_server(of, tls=True) as (port, mails):
        pools = {}
        for name, query in _POOLS.items():
            rows = server.execute(query.encode(), (SITE,)).fetchall()
            pools[name] = [r[0] if len(r) == 1 else (*r[:2], r[2] or []) for r in rows]
        # who is known at another site, too, has their latest exam there for a reader of both
        browsers = {name: browser(url, name, of.secret(f"password_{name}")) for name in (MANAGER, ANALYST)}
        try:
            yield World(of, server, folder, chance, browsers, port, mails, pools)
        finally:
            for each in browsers.values():
                each.close()
            readers.set_email(of, MANAGER, None)
            server.execute("delete from ops.report where period >= '2027-01-01'")


def last(world: World) -> int:
    (number,) = world.server.execute("select coalesce(max(event_id), 0) from audit.event").fetchone() or (0,)
    return int(number)


def events(world: World, after: int) -> list[Event]:
    """What the trail holds since that event, in its order."""
    rows = world.server.execute(
        "select reader, action, path, purpose, persons, rows from audit.event where event_id > %s order by event_id",
        (after,),
    ).fetchall()
    return [(*row[:4], tuple(sorted(row[4])), row[5]) for row in rows]


def drill(world: World, count: int) -> dict[str, int]:
    """So many reads, over every way, in random order; the trail holds their events, all of them and no other.

    :returns: reads of each way
    """
    ways = [*WAYS, *RARE]
    weights = [weight for _, weight in WAYS.values()]
    ways += world.chance.choices(list(WAYS), weights, k=count - len(ways))
    world.chance.shuffle(ways)
    before, expected = last(world), list[Event]()
    taken: dict[str, int] = {}
    for way in ways:
        shown, told = way(world)
        assert shown, way
        expected += told
        taken[way.__name__] = taken.get(way.__name__, 0) + 1
    found = events(world, before)
    for number, (one, other) in enumerate(zip(found, expected, strict=False)):
        assert one == other, f"event {before + 1 + number}"
    assert found == expected
    return taken
