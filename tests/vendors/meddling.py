"""A transport between an adapter and its simulator: it notes what was sent, and says something else when told to."""

from collections.abc import Callable, Sequence

import httpx

Instead = Callable[[httpx.Request], httpx.Response | Exception | None]

VENDOR_TEXT = "ORA-12154 at com.vendor.Dao.load(Dao.java:42) on 10.20.30.40:1521"


class Meddler(httpx.AsyncBaseTransport):
    """`instead` gives what is answered or raised in place of what is beneath; None lets a request through."""

    def __init__(self, beneath: httpx.AsyncBaseTransport) -> None:
        self.beneath = beneath
        self.instead: Instead = lambda _: None
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        said = self.instead(request)
        if isinstance(said, Exception):
            raise said
        return await self.beneath.handle_async_request(request) if said is None else said

    def always(self, answer: Callable[[], httpx.Response | Exception]) -> None:
        """The same to every request from now on."""
        self.instead = lambda _: answer()

    def paths(self) -> Sequence[str]:
        return [request.url.path for request in self.requests]


class ByHost(httpx.AsyncBaseTransport):
    """Several systems behind one transport, told apart by their host."""

    def __init__(self, **beneath: httpx.AsyncBaseTransport) -> None:
        self.beneath = {name: beneath[name] for name in beneath}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.beneath[request.url.host.partition(".")[0]].handle_async_request(request)


def rude(status: int, **headers: str) -> Callable[[], httpx.Response]:
    """A refusal with a vendor's own text."""
    return lambda: httpx.Response(status, headers=headers, text=VENDOR_TEXT)


def page_of_html() -> httpx.Response:
    """What a proxy shows for a system that is not there, and calls a success."""
    return httpx.Response(200, headers={"content-type": "text/html"}, text=f"<html>{VENDOR_TEXT}</html>")


def garbage() -> httpx.Response:
    """What calls itself JSON and is not."""
    return httpx.Response(200, headers={"content-type": "application/json"}, text=f'{{"data": "{VENDOR_TEXT}", [')
