"""The second sink's lines, sent on to a log server elsewhere as they are written: syslog over TLS (RFC 5425, RFC 5424).

Whoever holds this machine cannot take back what has left it. Syslog acknowledges nothing: a line that was lost on the
way shows as a gap in the chain that every line carries.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import threading

from wellhouse.settings import Settings

_PRIORITY = 13 * 8 + 5
"""Facility log audit, severity notice."""
_lock = threading.Lock()
_open: dict[tuple[int, str], ssl.SSLSocket] = {}


def send(of: Settings, line: bytes) -> None:
    """Send one line; a connection that was closed meanwhile is made anew once.

    :raises OSError: nobody takes it, or it is not the server that the certificate names
    """
    if of.audit_syslog is None:
        return
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    head = f"<{_PRIORITY}>1 {now} {socket.gethostname()} wellhouse {os.getpid()} audit - "
    message = head.encode() + line.rstrip(b"\n")
    frame = f"{len(message)} ".encode() + message
    here = (os.getpid(), of.audit_syslog)
    with _lock:
        if here not in _open or _ended(_open[here]):
            _open[here] = _connected(of, of.audit_syslog)
        try:
            _open[here].sendall(frame)
        except OSError:
            _open.pop(here).close()
            raise


def _connected(of: Settings, address: str) -> ssl.SSLSocket:
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=of.audit_syslog_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    plain = socket.create_connection((host, int(port)), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


def _ended(connection: ssl.SSLSocket) -> bool:
    """Whether the server closed it; a log server never says anything else."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(10)
