import pytest
from starlette.requests import Request

from gateway.ops.access import COOKIE, SESSION_S, Access


def request(**headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/ops", "headers": pairs})


def test_the_token_opens() -> None:
    """As a bearer token it does, another does not, and neither does nothing."""
    access = Access("secret")
    assert access.find_visitor(request(host="x", authorization="Bearer secret"))
    assert access.find_visitor(request(host="x", authorization="Bearer guess")) is None
    assert access.find_visitor(request(host="127.0.0.1:9464")) is None


def test_a_session_is_ours_and_ends() -> None:
    """A session knows who opened it, for twelve hours; a forged, changed or old one opens nothing."""
    clock = [1_000_000.0]
    access = Access("secret", now=lambda: clock[0])
    session = access.write_session("Анна")
    assert access.find_visitor(request(host="x", cookie=f"{COOKIE}={session}")) == "Анна"
    assert access.read_session(session[:-1] + ("0" if session[-1] != "0" else "1")) is None
    assert access.read_session("9999999999." + session.partition(".")[2]) is None
    assert Access("another", now=lambda: clock[0]).read_session(session) is None
    clock[0] += SESSION_S + 1
    assert access.read_session(session) is None


@pytest.mark.parametrize("value", ["", ".", "..", "1.2", "a.b.c", "²." * 3])
def test_nonsense_is_no_session(value: str) -> None:
    """Whatever a cookie holds, it is refused without a fault."""
    assert Access("secret").read_session(value) is None


@pytest.mark.parametrize(
    ("host", "is_let_in"),
    [("127.0.0.1:9464", True), ("localhost", True), ("[::1]:9464", True), ("evil.example:9464", False), ("", False)],
)
def test_without_a_token_only_this_machine_is_asked_for(host: str, *, is_let_in: bool) -> None:
    """A page on the internet cannot reach the listener through a name of its own that leads here."""
    assert (Access("").find_visitor(request(host=host)) is not None) is is_let_in
