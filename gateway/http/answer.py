"""What goes back, and how it is sent."""

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from gateway.http.negotiation import Media
from gateway.http.ports import KeptAnswer
from gateway.http.terms import CacheTerms

Headers = list[tuple[bytes, bytes]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Answer:
    """One whole answer. `codes` are those of its errors, for the journal; `terms` those of caches.

    `kept` is the same answer in the response level, if it is there.
    """

    status: int
    media: Media | None
    body: bytes
    headers: Headers = field(default_factory=list)
    codes: tuple[str, ...] = ()
    terms: CacheTerms | None = None
    kept: KeptAnswer | None = None


@dataclass(slots=True)
class Stream:
    """An answer in parts; whoever sends it closes `parts` and then lets go of what is `held` for it."""

    content_type: bytes
    parts: AsyncGenerator[bytes, None]
    headers: Headers = field(default_factory=list)
    status: int = 200
    codes: tuple[str, ...] = ()
    held: ExitStack = field(default_factory=ExitStack)


WHOLE_ANSWERS: Final = "gateway.http.response.whole"
"""An extension of ASGI, and the type of its message: `head` has the lines of a 200's headers, `body` its bytes.

Our server offers it (`gateway/http/server.py`). Values of headers are not looked through for line ends: send nothing
so that a client has a say in.
"""


@lru_cache(maxsize=1024)
def write_head(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The lines of headers."""
    return b"".join([part for name, value in headers for part in (name, b": ", value, b"\r\n")])


async def send_answer(send: Send, answer: Answer, headers: Headers) -> None:
    if answer.media is not None:
        headers.append((b"content-type", answer.media.value))
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
