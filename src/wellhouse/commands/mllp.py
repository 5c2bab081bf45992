"""``wellhouse mllp``: take HL7 v2 messages over the network, and say who may send them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _mllp() -> None:
    """The listener for HL7 v2 messages over MLLP and TLS."""


@app.command()
def serve() -> None:
    """Listen until stopped; a message is acknowledged once it is on disk, and goes to the inbox with others."""
    import asyncio

    from wellhouse.mllp.listener import Listener

    asyncio.run(Listener(settings()).run())


@app.command()
def allow(
    site: Annotated[str, typer.Argument(help="the site its messages are of")],
    network: Annotated[str, typer.Option(help="where it sends from: an address or a network such as 10.1.2.0/24")],
    certificate: Annotated[Path | None, typer.Option(help="the client certificate it must show, PEM")] = None,
    application: Annotated[str | None, typer.Option(help="what its MSH-3 must say")] = None,
    facility: Annotated[str | None, typer.Option(help="what its MSH-4 must say")] = None,
) -> None:
    """Allow a sender. It counts from its next connection on; a new certificate from the listener's next start on."""
    from wellhouse.mllp import senders

    senders.allow(settings(), senders.Sender(site, network, application=application, facility=facility), certificate)
    print(f"{network} may send for {site}")


@app.command("senders")
def listed() -> None:
    """Who may send, for which site."""
    from wellhouse.mllp import senders

    for each in senders.load(settings()):
        said = [f"{name} {text}" for name, text in (("MSH-3", each.application), ("MSH-4", each.facility)) if text]
        said += ["certificate " + each.certificate[:16]] if each.certificate else []
        print(f"{each.site:<12} {each.network:<24} {', '.join(said)}".rstrip())
