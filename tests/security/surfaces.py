"""What puts rows where nobody thinks of them: a sort that spills, statistics, a dump of everything."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wellhouse import db
from wellhouse.ops import cluster
from wellhouse.ops.bootstrap import administrator, flush
from wellhouse.settings import Settings

_TABLES = """
    select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('vault', 'landing', 'quarantine', 'ops', 'marts') order by 1
"""


@contextmanager
def spilled(of: Settings) -> Iterator[Path]:
    """The folder of the server's temporary files, while a sort of every table lies in it half done."""
    with administrator(of, of.database) as server, server.transaction():
        server.execute("set local work_mem = '64kB'")
        for number, (table,) in enumerate(server.execute(_TABLES).fetchall()):
            # often enough that a small table, too, is more than fits in memory
            times = f"(select greatest(1, 2000 / greatest(count(*), 1)) from {table})"  # noqa: S608
            query = f"select t.* from {table} t, generate_series(1, {times}) order by t::text desc"  # noqa: S608
            server.execute(f"declare spill_{number} cursor for {query}".encode())
            server.execute(f"fetch 1 from spill_{number}".encode())
        folder = cluster.data(of) / "base" / "pgsql_tmp"
        assert sum(path.stat().st_size for path in folder.iterdir()) > 1 << 17, "nothing was spilled"
        yield folder


def analyzed(of: Settings, to: Path) -> None:
    """Statistics of every column with as many values as the server keeps; as text, for it packs them in its file."""
    with administrator(of, of.database) as server:
        server.execute("set default_statistics_target = 10000")
        server.execute("analyze")
        kept = server.execute("select most_common_vals::text, histogram_bounds::text from pg_stats").fetchall()
    to.write_text("\n".join(str(row) for row in kept), encoding="utf-8")
    flush(of)


def dumped(of: Settings, to: Path) -> None:
    """Every database as SQL: what a backup holds once it is opened."""
    parameters = db.parameters(cluster.SUPERUSER, of, "postgres")
    environment = {"PGPASSWORD": parameters.pop("password"), "PATH": os.environ["PATH"]}
    server = " ".join(f"{name}={value}" for name, value in parameters.items() if name != "application_name")
    command = [cluster.binaries() / "pg_dumpall", "--no-role-passwords", "--file", to, "--dbname", server]
    subprocess.run(command, env=environment, check=True, capture_output=True)
