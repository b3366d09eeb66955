"""Request ids: the caller's when it is harmless, ours otherwise."""

import itertools
import os
import re
from collections.abc import Callable

_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")


def make_request_ids() -> Callable[[bytes | None], str]:
    """Make a function from the `x-request-id` header to the id to use; ids of two processes do not collide."""
    prefix = os.urandom(6).hex()
    numbers = itertools.count(1)

    def request_id(sent: bytes | None) -> str:
        if sent is not None and _HARMLESS.match(sent):
            return sent.decode("ascii")
        return f"{prefix}-{next(numbers):x}"

    return request_id
