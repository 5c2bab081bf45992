"""A PostgreSQL of the operator's own, given by URL: nothing is made under ``var``, the rest is the same."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from wellhouse import db
from wellhouse.ops import bootstrap, cluster, health, installation, services
from wellhouse.settings import Settings

PORT_AFTER_THE_STACKS = 7


@pytest.fixture(scope="module")
def external(stack: Settings) -> Iterator[str]:
    """The superuser's URL of a server that is not the installation's."""
    theirs = stack.model_copy(
        update={"var": stack.var.parent / "theirs", "postgres_port": stack.postgres_port + PORT_AFTER_THE_STACKS}
    )
    cluster.ensure(theirs)
    server = cluster.start(theirs)
    bootstrap.wait(theirs)
    yield db.url(cluster.SUPERUSER, theirs, "postgres")
    server.send_signal(signal.SIGINT)
    server.wait(60)


def test_the_warehouse_is_made_on_the_server_of_the_url(stack: Settings, external: str) -> None:
    ours = Settings(var=stack.var.parent / "ours", database_url=external)
    installation.start(ours, (), print)
    try:
        assert not cluster.data(ours).exists()
        with db.connect("wh_ingest", ours) as connection:
            assert connection.execute(
                "select current_database(), ssl from pg_stat_ssl where pid = pg_backend_pid()"
            ).fetchone() == ("wellhouse", True)
        (postgres,) = health.check(ours, [services.POSTGRES])
        assert (postgres.state, postgres.healthy) == ("EXTERNAL", True)
    finally:
        installation.down(ours, print)


def test_services_get_the_url_without_its_password(stack: Settings, external: str, tmp_path: Path) -> None:
    ours = Settings(var=tmp_path, database_url=external)
    password = stack.model_copy(update={"var": stack.var.parent / "theirs"}).secret(f"postgres_{cluster.SUPERUSER}")
    assert quote(password) in external
    environment = services.environment(ours)
    assert password not in " ".join(environment.values())
    assert db.parameters("wh_ops", Settings(var=tmp_path, database_url=environment["WELLHOUSE_DATABASE_URL"])) == (
        db.parameters("wh_ops", ours)
    )
