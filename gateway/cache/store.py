"""What the shared level needs of a key-value server: the smallest interface that Valkey and Memcached both serve."""

from collections.abc import Sequence
from typing import Protocol


class Store(Protocol):
    """Keys are printable ASCII of at most 250 characters, values bytes of at most `max_value_bytes`.

    Every method is one round trip, however many keys it is given, as far as the server's protocol
    allows. Whatever goes wrong is raised as it comes; the shared level copes with it.
    """

    max_value_bytes: int

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]: ...

    async def set_many(self, pairs: Sequence[tuple[str, bytes]], ttl_s: int) -> None: ...

    async def add_many(self, keys: Sequence[str], value: bytes, ttl_s: int) -> list[bool]:
        """Set each key only where there is none; True for those that were set.

        Of several callers with the same keys at the same moment, one sets all and the others none.
        """
        ...

    async def delete_many(self, keys: Sequence[str]) -> None: ...

    async def increment(self, key: str) -> int:
        """Add one to a number written in ASCII digits and return it."""
        ...

    async def aclose(self) -> None: ...
