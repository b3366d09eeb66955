"""What stands around a vendor's simulator: its operations, our faults, its own switches."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.server.control import Control
from sandbox.server.faults import Faults
from sandbox.server.identity import Identity
from sandbox.server.listener import Listener
from sandbox.server.running import Running
from sandbox.upstreams.delivery import Delivery
from sandbox.vendors.hosting import HostedVendor
from sandbox.world.shop import Shop
from tests.sandbox.driving import Driver


class Parrot:
    """A vendor that says what it heard, in a list, and is told to be rude."""

    def __init__(self) -> None:
        self.is_rude = False

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/say/{word}", self.say, methods=["POST"], name="parrot.say"),
                Route("/text", lambda _: PlainTextResponse("success"), name="parrot.text"),
            ]
        )

    async def say(self, request: Request) -> Response:
        heard = [request.path_params["word"], (await request.body()).decode(), request.url.query]
        return JSONResponse(heard, 409 if self.is_rude else 200, {"x-parrot": "polly"})

    def known(self) -> dict[str, Any]:
        return {"name": "polly"}

    def switches(self) -> dict[str, Any]:
        return {"isRude": self.is_rude}

    def switch(self, wanted: dict[str, Any]) -> None:
        if set(wanted) != {"isRude"}:
            raise ValueError(f"expected isRude, got {', '.join(wanted)}")
        self.is_rude = wanted["isRude"]

    def reset(self) -> None:
        self.is_rude = False


@pytest.fixture
def hosted(shop: Shop) -> HostedVendor:
    return HostedVendor("pricing", shop, Parrot())


async def ask(app: Any, method: str, path: str, **request: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vendor.test") as client:
        return await client.request(method, path, **request)


async def test_a_simulator_answers_in_its_own_words(hosted: HostedVendor) -> None:
    """Path, query, body, status and headers pass; the call is counted by its route's name."""
    answer = await ask(hosted, "POST", "/say/hello?to=you", content=b"pieces of eight")
    assert (answer.status_code, answer.json()) == (200, ["hello", "pieces of eight", "to=you"])
    assert answer.headers["x-parrot"] == "polly"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert hosted.operation_names == ["parrot.say", "parrot.text"]
    assert hosted.counters.operations["parrot.say"].calls == 1
    assert hosted.counters.statuses == {200: 1}


async def test_what_no_route_takes_is_counted_as_unknown(hosted: HostedVendor) -> None:
    """The simulator's own 404, and no operation of that name."""
    assert (await ask(hosted, "GET", "/nothing")).status_code == 404
    assert hosted.counters.operations["unknown"].calls == 1


@pytest.mark.parametrize(
    ("mode", "status", "text"), [("absent", 200, "[]"), ("missing_keys", 200, "[{},{},{}]"), ("empty", 200, "")]
)
async def test_our_faults_spoil_its_answers(hosted: HostedVendor, mode: Any, status: int, text: str) -> None:
    """A list is an answer like any other."""
    hosted.set_faults(Faults(mode=mode))
    answer = await ask(hosted, "POST", "/say/hello")
    assert (answer.status_code, answer.text) == (status, text)


async def test_text_is_not_mistyped_but_can_fail(hosted: HostedVendor) -> None:
    """What is not JSON has no types; a failing status comes before the simulator is asked."""
    hosted.set_faults(Faults(mode="wrong_types"))
    assert (await ask(hosted, "GET", "/text")).text == "success"
    hosted.set_faults(Faults(status=503))
    assert (await ask(hosted, "GET", "/text")).status_code == 503
    assert hosted.counters.statuses == {200: 1, 503: 1}


async def test_faults_of_one_operation_leave_the_others_alone(hosted: HostedVendor) -> None:
    """By the names that the counters show."""
    hosted.set_faults(Faults(mode="garbage", operations=["parrot.say"]))
    assert b"[\x00" in (await ask(hosted, "POST", "/say/hello")).content
    assert (await ask(hosted, "GET", "/text")).text == "success"


async def test_switches_are_set_told_and_reset(hosted: HostedVendor, shop: Shop) -> None:
    """Through the control API, by domain; a wrong name changes nothing."""
    listener = Listener("127.0.0.1")
    listener.serve(hosted)
    running = Running(
        shop, {"pricing": hosted}, {"pricing": listener}, Delivery(shop), Identity("http://control.test"), "key"
    )
    control, switches = Control(running).app(), "/vendors/pricing/switches"
    assert (await ask(control, "PUT", switches, json={"isRude": True})).json() == {"isRude": True}
    assert (await ask(hosted, "POST", "/say/hello")).status_code == 409
    refused = await ask(control, "PUT", switches, json={"isKind": True})
    assert (refused.status_code, refused.json()["detail"]) == (400, "expected isRude, got isKind")
    assert (await ask(control, "GET", "/known")).json()["vendors"] == {"pricing": {"name": "polly"}}
    assert (await ask(control, "POST", "/reset")).status_code == 204
    assert (await ask(control, "GET", switches)).json() == {"isRude": False}
    await running.close()
    assert (await ask(control, "GET", "/vendors/pricing/switchboard")).status_code == 404


def test_a_domain_without_a_vendor_has_no_switches(driver: Driver) -> None:
    """It says that the domain speaks the published contract."""
    refused = driver.client.get(f"{driver.control}/vendors/geo/switches")
    assert (refused.status_code, refused.json()["detail"]) == (
        409, "expected a domain in which a vendor stands, geo speaks the published contract",
    )  # fmt: skip
