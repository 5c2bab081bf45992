"""``wellhouse monitor serve|check|beat``."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import asdict

import typer

from wellhouse.commands.options import AsJson
from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True, help="Measures, rules and alerts.")


@app.command()
def serve() -> None:
    """Watch this installation and answer Prometheus until stopped."""
    from wellhouse.monitor import server

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.serve(settings(), stop)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Measure once; exit code 1 if a rule does not hold. Nobody is told."""
    import time

    from wellhouse.monitor import measures, rules

    samples = measures.collect(settings(), time.time())
    given = [rules.Rule(**asdict(r) | {"for_s": 0}) for r in rules.load(settings().root)]
    firing, _ = rules.State().update(given, samples, time.time())
    if as_json:
        print(json.dumps({"samples": [asdict(s) for s in samples], "alerts": [asdict(a) for a in firing]}))
    else:
        for alert in firing:
            print(f"{alert.severity:<9} {alert.key}: {alert.en} / {alert.zh} ({alert.value:g})")
        print(f"{len(samples)} measured, {len(firing)} alerts")
    if firing:
        raise typer.Exit(1)


@app.command()
def beat() -> None:
    """The scheduler lives: what the DAG `heartbeat` calls."""
    from wellhouse.monitor import measures

    measures.beat(settings())
