"""TLS towards our own services: our own authority and nobody else's."""

from __future__ import annotations

import ssl

from wellhouse.settings import Settings


def context(settings: Settings) -> ssl.SSLContext:
    """For clients of this installation's HTTPS services.

    :raises OSError: there is no authority yet.
    """
    return ssl.create_default_context(cafile=settings.tls / "ca.crt")
