"""Each identified read is one event with its reader, persons, purpose, path and rows; without the trail there is none.

The thousand of them are in tests/faults/test_identified_reads.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest

from tests import identified
from tests.identified import RefusedError, World
from tests.no_trail import no_database, no_file
from tests.server_log import from_now_on
from wellhouse import db
from wellhouse.ops import cluster
from wellhouse.settings import Settings, settings

READS = 60
Sink = Callable[[Settings], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def world(superset_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("identified")
    chance = random.Random(random.SystemRandom().randrange(10**6))  # noqa: S311 - no secret
    with identified.world(settings(), superset_url, folder, chance) as made:
        yield made


def test_the_trail_holds_every_read_and_no_other(world: World) -> None:
    taken = identified.drill(world, READS)
    assert set(taken) == {way.__name__ for way in (*identified.WAYS, *identified.RARE)}
    print(f"{sum(taken.values())} identified reads over {len(taken)} ways: each in the trail, nothing else in it")


@pytest.mark.parametrize("sink", [no_database, no_file])
def test_a_sink_down_refuses_every_way(world: World, sink: Sink) -> None:
    before = identified.last(world)
    with sink(world.of):
        for way in (*identified.WAYS, *identified.RARE):
            with pytest.raises(RefusedError):
                way(world)
        person = world.one("persons")
        words = ("subject", "erase", person, "--purpose", "a drill", "--output", world.folder / "certificates")
        with pytest.raises(RefusedError, match="nothing was read"):
            identified.command(*words)
    assert identified.last(world) == before
    assert world.server.execute("select from vault.person where person_key = %s", (person,)).rowcount == 1
    for way in identified.WAYS:
        way(world)


def test_no_reader_has_a_way_past_the_product(world: World) -> None:
    """Only two service logins may open what is sealed, and Superset has no dataset over it."""
    tables = ("vault.person", "vault.identifier", "vault.audio_key", "landing.original", "landing.call_recording")
    may = world.server.execute(
        """select distinct rolname from pg_roles, unnest(%s::text[]) t
           where rolcanlogin and not rolsuper and has_table_privilege(rolname, t, 'select')
             and t <> 'landing.call_recording' order by 1""",
        (list(tables),),
    ).fetchall()
    assert [name for (name,) in may] == ["wh_identity", "wh_ingest"]
    for username in (identified.MANAGER, identified.ANALYST):
        with db.connect(db.reader_role(username), world.of, autocommit=True) as connection:
            for table in tables:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"table {table}".encode())


def test_sql_past_the_product_is_in_the_servers_own_log(world: World) -> None:
    """Direct SQL as the one login that may open identities: the server counts each statement and each row."""
    of: Settings = world.of
    if not cluster.has_pgaudit():
        pytest.skip("pgaudit is not installed here: postgresql-NN-pgaudit")
    said, asked = from_now_on(of), []
    with db.connect("wh_identity", of, autocommit=True) as connection:
        for _ in range(20):
            count = world.chance.randint(1, 9)
            connection.execute("select key_id, sealed from vault.person limit %s", (count,))
            asked.append(count)
    lines = [line for line in said().splitlines() if ",SELECT,TABLE,vault.person," in line]
    mine = [line for line in lines if " wh_identity@" in line]
    assert [int(line.rsplit(",", 1)[1]) for line in mine] == asked
