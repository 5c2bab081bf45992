"""A mail server of a test's own, with TLS or without."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from wellhouse.settings import Settings


@contextmanager
def mail_server(of: Settings, tls: bool) -> Iterator[tuple[int, list[str]]]:
    """Its port, and the mails that it has taken."""
    from aiosmtpd.controller import Controller  # type: ignore[import-untyped]

    mails: list[str] = []

    class Handler:
        async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:
            mails.append(envelope.content.decode())  # type: ignore[attr-defined]
            return "250 OK"

    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(of.tls / "superset.crt", of.tls / "superset.key")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=tls)
    controller.start()
    try:
        yield port, mails
    finally:
        controller.stop()


def parsed(mail: str) -> EmailMessage:
    """A mail that it has taken."""
    message = email.message_from_string(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message
