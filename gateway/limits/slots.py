"""How many long answers (subscriptions, sockets) may be open at once, in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.http.errors import Code, Refused

_LATER = ((b"retry-after", b"5"),)


@dataclass(slots=True)
class Slots:
    """Places for connections: per signed-in customer, per address of anonymous visitors, and in all."""

    per_customer: int = 10
    per_address: int = 50
    in_all: int = 5_000
    _held: Counter[str] = field(default_factory=Counter)
    _total: int = 0

    @contextmanager
    def hold(self, customer_id: str | None, address: str) -> Iterator[None]:
        """Hold a place while the block runs; raises Refused when all are taken."""
        key, most = (
            (f"a:{address}", self.per_address) if customer_id is None else (f"c:{customer_id}", self.per_customer)
        )
        if self._total >= self.in_all:
            raise _refuse(Code.OVERLOADED, "Expected a free place for a connection; all are taken.")
        if self._held[key] >= most:
            raise _refuse(Code.RATE_LIMITED, f"Expected at most {most} open connections; got one more.")
        self._held[key] += 1
        self._total += 1
        try:
            yield
        finally:
            self._total -= 1
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    def __len__(self) -> int:
        return self._total


def _refuse(code: Code, said: str) -> Refused:
    return Refused(code, said, headers=_LATER, limit="connections")
