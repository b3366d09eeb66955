"""A sandbox in a process of its own, and how tests talk to it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

API_KEY = "sandbox"
CONTEXT: dict[str, Any] = {"localityId": "msk", "channel": "WEB", "currency": "RUB", "language": "ru"}
BOOTS, BOOTS_SKU = "p-000001", "LUM-000001-01"


class Driver:
    """Calls upstreams by domain and path, and the control API."""

    def __init__(self, addresses: Mapping[str, Any], client: httpx.Client) -> None:
        self.control = addresses["control"]
        self.upstreams: Mapping[str, str] = addresses["upstreams"]
        self.client = client

    def call(self, domain: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """GET without a body, POST with one."""
        sent = {"authorization": f"Bearer {API_KEY}"} | headers
        return self.client.request(
            "GET" if body is None else "POST", self.upstreams[domain] + path, json=body, headers=sent
        )

    def ask(self, domain: str, path: str, **body: Any) -> Any:
        """The answer to a request that is in order."""
        response = self.call(domain, path, body or None)
        assert response.status_code == 200, response.text
        return response.json()

    def listing(self, **query: Any) -> Any:
        """One listing in Moscow."""
        body = {**CONTEXT, "queries": [{"first": 24, **query}]}
        return self.ask("search", "/v1/listings/batch", **body)["listings"][0]

    def products(self, *ids: str, language: str = "ru") -> list[Any]:
        found = self.ask("catalogue", "/v1/products/batch", language=language, ids=list(ids))
        return list(found["products"])

    def spoil(self, domain: str, **faults: Any) -> None:
        response = self.client.put(f"{self.control}/upstreams/{domain}/faults", json=faults)
        assert response.status_code == 200, response.text

    def state(self, domain: str) -> Any:
        return self.client.get(f"{self.control}/upstreams/{domain}").json()

    def reset(self) -> None:
        self.client.post(f"{self.control}/reset").raise_for_status()


@contextmanager
def running_sandbox(*arguments: str) -> Iterator[Driver]:
    """A started sandbox on free ports; stopped at the end, and expected to go quietly."""
    command = [sys.executable, "-m", "sandbox", "--base-port", "0", "--print-ports", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, httpx.Client(timeout=10) as client:
        assert process.stdout is not None
        try:
            yield Driver(json.loads(process.stdout.readline()), client)
        finally:
            process.terminate()
            assert process.wait(10) == 0
