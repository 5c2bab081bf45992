"""Build and scoring killed outright, and the server under them, at random moments: readers never see half a build."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from tests.faults import processes
from wellhouse.ops import bootstrap, services, supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

TABLES = """
    select n.nspname || '.' || c.relname,
           array_agg(a.attname::text) filter (where format_type(a.atttypid, null) ~ '^timestamp')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind = 'r' and n.nspname in ('marts', 'population', 'risk')
      and c.oid <> 'risk.drift'::regclass -- a journal: every scoring adds what it measured
    group by 1 order by 1
"""
HASH = """
    select count(*)::text || ' rows, hash ' ||
           coalesce(sum(hashtextextended((to_jsonb(t) - coalesce(%s::text[], '{{}}'))::text, 0)::numeric), 0)::text
    from {} t
"""
STEPS = (
    ("wellhouse", "dbt", "build", "--selector", "before_scoring"),
    (sys.executable, "-m", "models.score"),
    ("wellhouse", "dbt", "build", "--selector", "after_scoring"),
)


def shown(of: Settings) -> dict[str, str]:
    """What readers see, in one snapshot: every mart's rows and their hash, without the moments they were made at."""
    with administrator(of, of.database) as server, server.transaction():
        server.execute("set transaction isolation level repeatable read, read only")
        tables = server.execute(TABLES).fetchall()
        found = {}
        for name, times in tables:
            (found[name],) = server.execute(HASH.format(name).encode(), (times,)).fetchone() or ("",)
        return found


def build(of: Settings) -> list[float]:
    took = []
    for step in STEPS:
        began = time.monotonic()
        done = subprocess.run(step, capture_output=True, text=True, env=processes.environment(of))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        took.append(time.monotonic() - began)
    return took


def test_readers_see_whole_builds_only(built: Settings, kills: int, chance: random.Random) -> None:
    before = shown(built)
    took = build(built)
    assert shown(built) == before, "the same rows make the same marts, or nothing here is compared"
    killed = backends = restarts = 0
    for number in range(kills):
        which = number % len(STEPS)
        process = processes.begin(built, *STEPS[which])
        time.sleep(chance.uniform(0.3, took[which]))
        if number % 5 == 3:
            backends += processes.kill_backend(built, chance, "wh_transform")
            time.sleep(chance.uniform(0, 0.5))
        elif number % 5 == 4:
            supervisor.restart(built, [services.POSTGRES])
            restarts += 1
        killed += processes.end(process)
        bootstrap.wait(built)
        assert shown(built) == before, f"after the {number + 1}th: {STEPS[which]}"
    build(built)
    assert shown(built) == before
    assert killed > kills // 3
    print(f"{killed} of {kills} builds and scorings killed, {backends} server processes killed, PostgreSQL restarted "
          f"{restarts} times: {len(before)} tables the same after each")  # fmt: skip


@pytest.mark.usefixtures("built")
def test_a_difference_would_be_seen(built: Settings) -> None:
    before = shown(built)
    with administrator(built, built.database) as server:
        server.execute("begin; update marts.dim_person set sex = sex")
        assert shown(built) == before
        server.execute("rollback")
        server.execute("create table marts.not_ours as select 1 as one")
        assert shown(built) != before
        server.execute("drop table marts.not_ours")
