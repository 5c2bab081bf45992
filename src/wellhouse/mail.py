"""E-mail over TLS with a verified host name, or not at all."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

IMPLICIT_TLS = 465


def send(settings: Settings, message: EmailMessage) -> None:
    """Hand ``message`` to the mail server of the settings.

    :raises WellhouseError: the server did not take it, or speaks no TLS, or is not who it says it is
    """
    try:
        with _connected(settings) as server:
            if settings.alert_smtp_user:
                password = settings.secret_file("alert_smtp_password").read_text().strip()
                server.login(settings.alert_smtp_user, password)
            refused = server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise WellhouseError(f"the mail server did not take it: {type(error).__name__}") from None
    if refused:
        raise WellhouseError(f"the mail server refused {len(refused)} of the recipients")


def tls(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name verified against the settings' authority or the system's."""
    context = ssl.create_default_context(cafile=settings.alert_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _connected(settings: Settings) -> smtplib.SMTP:
    """Implicit TLS on port 465, STARTTLS on any other; never without."""
    host, port = settings.alert_smtp_host or "", settings.alert_smtp_port
    if port == IMPLICIT_TLS:
        return smtplib.SMTP_SSL(host, port, timeout=15, context=tls(settings))
    server = smtplib.SMTP(host, port, timeout=15)
    try:
        server.starttls(context=tls(settings))
    except BaseException:
        server.close()
        raise
    return server
