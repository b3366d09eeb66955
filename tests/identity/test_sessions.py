"""Session cookies: good for our own pages, useless to any other."""

import pytest

from gateway.http.errors import Refused
from gateway.identity.sessions import SessionCookies
from resolvers.context import ANONYMOUS, Viewer
from tests.identity.issuer import Clock, Issuer, bearer, make_tokens

ISSUED = Issuer()
PROOF = "0123456789abcdef0123"


def cookie(session: str, csrf: str | None = PROOF) -> bytes:
    pairs = ["theme=dark", f"__Host-session={session}", *([] if csrf is None else [f"__Host-csrf={csrf}"])]
    return "; ".join(pairs).encode()


async def ask(headers: dict[bytes, bytes]) -> Viewer:
    outcome = SessionCookies(make_tokens(ISSUED, Clock())).authenticate(headers)
    return outcome if isinstance(outcome, Viewer) else await outcome


async def test_recognises_a_session() -> None:
    """The session cookie with its proof in a header tells the customer."""
    viewer = await ask({b"cookie": cookie(ISSUED.sign()), b"x-csrf-token": PROOF.encode()})
    assert viewer.customer_id == "c-1"


@pytest.mark.parametrize("given", [None, b"", b"0123456789abcdef012", b"other-other-other-other"])
async def test_refuses_a_session_without_proof(given: bytes | None) -> None:
    """A page that cannot read our cookies cannot act in the customer's name."""
    headers = {b"cookie": cookie(ISSUED.sign())} | ({} if given is None else {b"x-csrf-token": given})
    with pytest.raises(Refused) as caught:
        await ask(headers)
    assert caught.value.code.public == "CSRF_REFUSED"


@pytest.mark.parametrize("csrf", [None, "", "short"])
async def test_a_weak_proof_is_none(csrf: str | None) -> None:
    """An absent, empty or short proof is never equal to anything."""
    with pytest.raises(Refused):
        await ask({b"cookie": cookie(ISSUED.sign(), csrf), b"x-csrf-token": (csrf or "").encode()})


async def test_the_header_goes_before_the_cookie() -> None:
    """Who sends a token in the header is who the token says, and needs no proof."""
    viewer = await ask({b"cookie": cookie("bad"), **bearer(ISSUED.sign(sub="c-2"))})
    assert viewer.customer_id == "c-2"


async def test_other_cookies_mean_nothing() -> None:
    """Cookies of analytics sign nobody in and refuse nobody."""
    assert await ask({b"cookie": b"theme=dark; _ga=1"}) is ANONYMOUS
    assert await ask({b"cookie": b"\xff\xfe;;;=;"}) is ANONYMOUS
    assert await ask({}) is ANONYMOUS


async def test_a_bad_session_is_refused() -> None:
    """A session that is not good is refused like any other token."""
    with pytest.raises(Refused) as caught:
        await ask({b"cookie": cookie("a.b.c"), b"x-csrf-token": PROOF.encode()})
    assert caught.value.code.public == "UNAUTHENTICATED"
