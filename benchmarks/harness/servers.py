"""Starting contenders: their environment, their tokens, and waiting until they answer."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks.harness.processes import SERVER_CORE, family, start, stop
from benchmarks.harness.table import ROOT, Contender
from benchmarks.harness.traffic import Request
from benchmarks.harness.upstreams import Upstreams

UPSTREAM_NAMES = (
    "catalogue", "search", "pricing", "stock", "loyalty", "recommendations", "delivery", "customers", "geo",
)  # fmt: skip
ISSUER = "https://sign-in.shop.example"
PATIENT_S = "10"
ANY_NUMBER = "1e9"  # every request comes from one address; it is counted as in production, and let in
START_S = 30.0
FIRST = Request("listing", {"query": "q0", "first": 24})

Json = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A contender that runs; `address` takes its POSTs."""

    contender: Contender
    address: str
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        return family(self.process.pid)

    def ask(self, request: Request, timeout_s: float = 20.0) -> bytes:
        """One page; an answer with another status than 200 is returned all the same."""
        headers = {"content-type": "application/json", "accept": "application/json"}
        if request.token:
            headers["authorization"] = f"Bearer {request.token}"
        sent = urllib.request.Request(self.address, request.body.encode(), headers)  # noqa: S310 -- 127.0.0.1
        try:
            with urllib.request.urlopen(sent, timeout=timeout_s) as answer:  # noqa: S310
                page: bytes = answer.read()
        except urllib.error.HTTPError as refused:
            page = refused.read()
        return page


@dataclass(frozen=True)
class Bench:
    """Where contenders run: the upstreams, a folder for what they write, and the customers' tokens."""

    upstreams: Upstreams
    folder: Path
    tokens: Sequence[str]

    def environment(self, contender: Contender, port: int) -> dict[str, str]:
        shared = {
            "PORT": str(port),
            "UPSTREAM": self.upstreams.address,
            "TOKENS": str(self.folder / "tokens.json"),
            "BYTES": str(self.folder),
            "NODE_ENV": "production",
        }
        return {**shared, **(self._of_gateway(port) if contender.kind == "gateway" else {}), **contender.environment}

    def _of_gateway(self, port: int) -> dict[str, str]:
        upstreams = {
            f"GATEWAY_UPSTREAMS__{name.upper()}__{setting}": value
            for name in UPSTREAM_NAMES
            for setting, value in (
                ("URL", f"{self.upstreams.address}/{name}"),
                ("API_KEY", "bench"),
                ("CONNECTIONS", "256"),
                ("TIMEOUT_S", PATIENT_S),
            )
        }
        return {
            **upstreams,
            "GATEWAY_IDENTITY__ISSUER": ISSUER,
            "GATEWAY_IDENTITY__JWKS_URL": f"{self.upstreams.address}/jwks",
            "GATEWAY_LIMITS__REQUESTS_PER_S": ANY_NUMBER,
            "GATEWAY_LIMITS__COST_PER_S": ANY_NUMBER,
            "GATEWAY_LIMITS__SHEDS_LOAD": "false",  # wrk would come again at once, and refusals are no pages
            "GATEWAY_PORT": str(port),
        }

    def start(self, contender: Contender, more: Mapping[str, str] | None = None, cores: str = "") -> Server:
        """Start a contender without waiting for it; `more` goes over its environment, None values not at all."""
        port = free_port()
        environment = {**self.environment(contender, port), **(more or {})}
        log = self.folder / f"{contender.name}.log"
        process = start(contender.words(port), ROOT / contender.folder, environment, log, cores or str(SERVER_CORE))
        return Server(contender, f"http://127.0.0.1:{port}{contender.path}", process)

    @contextmanager
    def serving(self, contenders: Sequence[Contender], **how: Any) -> Iterator[list[Server]]:
        """Run contenders side by side until the block ends; idle ones cost nothing."""
        with ExitStack() as stopping:
            servers = []
            for contender in contenders:
                server = self.start(contender, **how)
                stopping.callback(stop, server.process)
                wait_ready(server, self.folder)
                servers.append(server)
            yield servers


def wait_ready(server: Server, folder: Path) -> float:
    """Wait for the first whole page; returns the seconds that it took to answer."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.process.poll() is None:
        asked = time.monotonic()
        try:
            page = server.ask(FIRST)
        except OSError:
            time.sleep(0.02)
            continue
        if b'"data"' in page and b'"errors"' not in page:
            return time.monotonic() - asked
        raise RuntimeError(f"expected a page of {server.contender.name}, got {page[:500]!r}")
    log = (folder / f"{server.contender.name}.log").read_text()[-2000:]
    raise RuntimeError(f"expected {server.contender.name} to answer within {START_S} s, got: {log}")


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_tokens(key_file: Path, folder: Path, customers: int) -> list[str]:
    """Sign a token for each customer, and write them down for the contenders that look tokens up."""
    key = ECKey.import_key(json.loads(key_file.read_text()))
    signed = {sign(key, f"cust-{number:06d}"): f"cust-{number:06d}" for number in range(1, customers + 1)}
    (folder / "tokens.json").write_text(json.dumps(signed))
    return list(signed)


def sign(key: ECKey, customer: str) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "commerce-gateway", "sub": customer, "iat": now, "exp": now + 12 * 3600}
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
