"""Is a port free, ours already, or somebody else's?"""

from __future__ import annotations

import socket

import psycopg

from wellhouse.errors import WellhouseError
from wellhouse.ops import bootstrap, trust
from wellhouse.settings import Settings


def check(settings: Settings) -> None:
    """Every port this installation needs is free or already answers with this installation's certificate.

    :raises WellhouseError: one is taken by another program; the line names the setting that moves it.
    """
    wanted = {
        "WELLHOUSE_AIRFLOW_PORT": settings.airflow_port,
        "WELLHOUSE_SUPERSET_PORT": settings.superset_port,
        "WELLHOUSE_MLLP_PORT": settings.mllp_port,
        "WELLHOUSE_MONITOR_PORT": settings.monitor_port,
    }
    if not settings.database_url:
        wanted = {"WELLHOUSE_POSTGRES_PORT": settings.postgres_port} | wanted
    if len(set(wanted.values())) < len(wanted):
        raise WellhouseError(f"{', '.join(wanted)} must all be different")
    for name, port in wanted.items():
        ours = _our_postgres if name == "WELLHOUSE_POSTGRES_PORT" else answers
        if taken(port) and not ours(settings, port):
            raise WellhouseError(f"port {port} is taken by another program: set {name} to a free one")


def taken(port: int) -> bool:
    """Does anything listen on ``port`` of this machine?"""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(2)
            if probe.connect_ex((address, port)) == 0:
                return True
    return False


def answers(settings: Settings, port: int) -> bool:
    """Does something with this installation's certificate listen there?"""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            trust.context(settings).wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except OSError:  # not TLS, another certificate, no answer, or no authority of ours yet
        return False


def _our_postgres(settings: Settings, port: int) -> bool:
    if not (settings.tls / "ca.crt").exists():
        return False
    try:
        bootstrap.administrator(settings).close()
        return True
    except psycopg.Error:
        return False
