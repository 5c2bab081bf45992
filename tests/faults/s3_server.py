"""moto's S3 behind uvicorn: its own server ends TLS without a word, which pgBackRest takes for an attack.

python s3_server.py PORT CERTIFICATE KEY
"""

from __future__ import annotations

import sys

import uvicorn
from moto.server import DomainDispatcherApplication, create_backend_app

if __name__ == "__main__":
    port, certificate, key = sys.argv[1:]
    uvicorn.run(
        DomainDispatcherApplication(create_backend_app), host="localhost", port=int(port), interface="wsgi",
        ssl_certfile=certificate, ssl_keyfile=key, log_level="warning",
    )  # fmt: skip
