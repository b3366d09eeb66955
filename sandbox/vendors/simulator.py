"""What a simulator of a vendor is, and which there are."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from starlette.applications import Starlette

from sandbox.upstreams.contract import Json
from sandbox.vendors.bitrix24 import Bitrix24
from sandbox.vendors.cdek import Cdek
from sandbox.vendors.loymax import Loymax
from sandbox.vendors.moysklad import Moysklad
from sandbox.vendors.onec import Onec
from sandbox.vendors.recombee import Recombee
from sandbox.vendors.retail_rocket import RetailRocket
from sandbox.vendors.talon_one import TalonOne
from sandbox.vendors.voucherify import Voucherify
from sandbox.world.shop import Shop


class Simulator(Protocol):
    """One vendor's system over our shop. It keeps state as the vendor would, and enforces the vendor's limits."""

    def app(self) -> Starlette:
        """What answers; the name of a route is the name of its operation in faults and counters."""
        ...

    def known(self) -> Json:
        """What whoever calls it has to know: credentials, ids of programmes and price lists."""
        ...

    def switches(self) -> Json:
        """How it misbehaves in its vendor's own ways, by name."""
        ...

    def switch(self, wanted: Json) -> None:
        """Set some switches; raises ValueError for one that there is not, and changes nothing then."""
        ...

    def reset(self) -> None:
        """Switches off, counts of limits to zero."""
        ...


SIMULATORS: Final[Mapping[str, Callable[[Shop], Simulator]]] = {
    "bitrix24": Bitrix24,
    "cdek": Cdek,
    "loymax": Loymax,
    "moysklad": Moysklad,
    "onec": Onec,
    "talon_one": TalonOne,
    "voucherify": Voucherify,
    "recombee": Recombee,
    "retail_rocket": RetailRocket,
}
"""By the vendor's name. One simulator serves every domain that its vendor was chosen for."""
