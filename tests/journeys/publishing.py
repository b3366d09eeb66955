"""An issuer's key set, published where a gateway can fetch it."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.identity.issuer import Issuer

ISSUER = "https://id.shop.example"


@contextmanager
def believing(issuer: Issuer) -> Iterator[dict[str, str]]:
    """The settings of a gateway that believes this issuer, while its keys are published on this machine."""
    keys = json.dumps({"keys": [key.as_dict(private=False) for key in issuer.keys.values()]}).encode()
    with published(keys) as address:
        yield {"GATEWAY_IDENTITY__ISSUER": ISSUER, "GATEWAY_IDENTITY__JWKS_URL": address}


@contextmanager
def published(keys: bytes) -> Iterator[str]:
    """The address of a key set."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(keys)))
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, *said: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
