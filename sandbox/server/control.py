"""The control API: faults, counters, tokens, and what is always there to be asked for."""

from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.server.faults import BadFaults, read_faults
from sandbox.server.running import Running
from sandbox.upstreams.contract import Json
from sandbox.vendors.simulator import Simulator
from sandbox.world import people

T = TypeVar("T")


class Wanted(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Whose token is wanted. Preferences go over the customer's own; a negative lifetime gives an expired token."""

    customer_id: str
    expires_in_seconds: int | None = None
    locality: str | None = None
    language: str | None = None
    currency: str | None = None


class Resetting(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    counters: bool = True
    faults: bool = True


class Control:
    """Everything over a running sandbox; has no state of its own."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/ready", self.ready),
                Route("/known", self.known),
                Route("/upstreams", self.upstreams),
                Route("/upstreams/{domain}", self.upstream),
                Route("/upstreams/{domain}/faults", self.put_faults, methods=["PUT"]),
                Route("/upstreams/{domain}/faults", self.delete_faults, methods=["DELETE"]),
                Route("/vendors/{domain}/switches", self.switches),
                Route("/vendors/{domain}/switches", self.put_switches, methods=["PUT"]),
                Route("/reset", self.reset, methods=["POST"]),
                Route("/token", self.token, methods=["POST"]),
                Route("/.well-known/jwks.json", self.key_set),
            ],
            exception_handlers={HTTPException: _refuse},
        )

    async def ready(self, _: Request) -> Response:
        return JSONResponse({"status": "ok", "upstreams": self._running.addresses})

    async def known(self, _: Request) -> Response:
        return JSONResponse(self._running.known())

    async def upstreams(self, request: Request) -> Response:
        log = _log(request)
        return JSONResponse({domain: self._told(domain, log) for domain in self._running.addresses})

    async def upstream(self, request: Request) -> Response:
        return JSONResponse(self._told(self._domain(request), _log(request)))

    def _told(self, domain: str, log: int) -> Json:
        upstream = self._running.upstreams[domain]
        return {
            "url": self._running.addresses[domain],
            "faults": msgspec.to_builtins(upstream.faults),
            **upstream.counters.told(log),
        }

    async def put_faults(self, request: Request) -> Response:
        domain = self._domain(request)
        try:
            faults = read_faults(await request.body())
        except BadFaults as error:
            raise HTTPException(400, str(error)) from None
        unknown = sorted(set(faults.operations or ()) - {*self._running.upstreams[domain].operation_names, "health"})
        if unknown:
            raise HTTPException(
                400, f"operations: expected some of {self._running.upstreams[domain].operation_names}, got {unknown}"
            )
        if faults.failed_providers and domain != "delivery":
            raise HTTPException(400, f"failedProviders: expected for delivery only, got them for {domain}")
        await self._running.set_faults(domain, faults)
        return JSONResponse(msgspec.to_builtins(faults))

    async def delete_faults(self, request: Request) -> Response:
        domain = self._domain(request)
        await self._running.set_faults(domain, self._running.upstreams[domain].usual_faults)
        return Response(status_code=204)

    async def switches(self, request: Request) -> Response:
        return JSONResponse(self._simulator(request).switches())

    async def put_switches(self, request: Request) -> Response:
        simulator = self._simulator(request)
        try:
            simulator.switch(_decode(await request.body(), dict[str, Any]))
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        return JSONResponse(simulator.switches())

    async def reset(self, request: Request) -> Response:
        """Counters to zero, faults and switches to the usual ones; the body may keep one of the two."""
        wanted = _decode(await request.body() or b"{}", Resetting)
        for domain, upstream in self._running.upstreams.items():
            if wanted.faults:
                await self._running.set_faults(domain, upstream.usual_faults)
            if wanted.counters:
                upstream.counters.reset()
        if wanted.faults:
            for hosted in self._running.hosted.values():
                hosted.simulator.reset()
        return Response(status_code=204)

    async def token(self, request: Request) -> Response:
        wanted = _decode(await request.body(), Wanted)
        person = people.find(wanted.customer_id)
        if person is None:
            raise HTTPException(404, f"customerId: no customer {wanted.customer_id!r}")
        over = {"locality": wanted.locality, "language": wanted.language, "currency": wanted.currency}
        claims = {name: value for name, value in over.items() if value is not None}
        identity = self._running.identity
        if wanted.expires_in_seconds is None:
            return JSONResponse({"token": identity.token(person, claims)})
        return JSONResponse({"token": identity.token(person, claims, wanted.expires_in_seconds)})

    async def key_set(self, _: Request) -> Response:
        return JSONResponse(self._running.identity.key_set())

    def _simulator(self, request: Request) -> Simulator:
        domain = self._domain(request)
        if domain not in self._running.hosted:
            raise HTTPException(
                409, f"expected a domain in which a vendor stands, {domain} speaks the published contract"
            )
        return self._running.hosted[domain].simulator

    def _domain(self, request: Request) -> str:
        domain: str = request.path_params["domain"]
        if domain not in self._running.upstreams:
            raise HTTPException(404, f"no upstream {domain!r}, expected one of {', '.join(self._running.upstreams)}")
        return domain


def _log(request: Request) -> int:
    """How many of the last calls are wanted; `?log=0` asks for none."""
    asked = request.query_params.get("log", "100")
    if not (asked.isascii() and asked.isdigit()):
        raise HTTPException(400, f"log: expected a whole number, got {asked!r}")
    return int(asked)


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise HTTPException(400, str(error)) from None


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"type": "about:blank", "title": "Refused", "status": error.status_code, "detail": error.detail}
    return JSONResponse(body, error.status_code, media_type="application/problem+json")
