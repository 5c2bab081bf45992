"""``/metrics`` for Prometheus, over TLS, for whoever has the token; ``/health`` for whoever asks."""

from __future__ import annotations

import hmac
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from wellhouse.monitor.measures import Sample
from wellhouse.monitor.watch import EVERY_S, Watch
from wellhouse.settings import Settings

TOKEN = "metrics_token"  # noqa: S105 - the name of the file that holds it


def serve(settings: Settings, stop: threading.Event) -> None:
    """Watch and answer until ``stop``."""
    watch = Watch(settings)
    with _listening(settings, watch) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        while True:
            watch.round()
            if stop.wait(EVERY_S):
                break
        http.shutdown()
        thread.join()


def exposition(samples: Iterable[Sample]) -> bytes:
    """Samples as Prometheus reads them."""
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for sample in samples:
        if sample.measure not in gauges:
            names = sorted(sample.labels)
            gauges[sample.measure] = Gauge(sample.measure, "see docs/runbooks/alerts.md", names, registry=registry)
        gauge = gauges[sample.measure]
        (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
    return generate_latest(registry)


def _listening(settings: Settings, watch: Watch) -> ThreadingHTTPServer:
    token = settings.secret(TOKEN)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls / "monitor.crt", settings.tls / "monitor.key")

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/health":
                self._answer(200, b"OK\n", "text/plain")
            elif self.path != "/metrics":
                self._answer(404, b"not found\n", "text/plain")
            elif not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
                self._answer(401, b"a bearer token is needed: var/secrets/metrics_token\n", "text/plain")
            else:
                self._answer(200, exposition(watch.samples), CONTENT_TYPE_LATEST)

        def _answer(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is logged: every scrape would be a line."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: object, client_address: object) -> None:
            # in the request's own thread, so that a client that says nothing holds up nobody
            assert isinstance(request, ssl.SSLSocket)
            request.settimeout(10)
            with suppress(OSError):  # no TLS, or it went away
                request.do_handshake()
                super().finish_request(request, client_address)

    http = Server(("127.0.0.1", settings.monitor_port), Handler)
    http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    return http
