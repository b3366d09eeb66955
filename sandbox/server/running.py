"""The whole sandbox while it runs: nine upstreams and their listeners, one control listener."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.server.faults import Faults
from sandbox.server.identity import Identity
from sandbox.server.listener import Listener
from sandbox.server.upstream import Upstream
from sandbox.upstreams.contract import Json
from sandbox.upstreams.delivery import Delivery
from sandbox.upstreams.recommendations import PLACEMENTS
from sandbox.vendors.hosting import HostedVendor
from sandbox.world.known import known
from sandbox.world.shop import Shop


@dataclass
class Running:
    """`listeners` and `upstreams` by domain, in the order of the contracts."""

    shop: Shop
    upstreams: Mapping[str, Upstream]
    listeners: Mapping[str, Listener]
    delivery: Delivery
    identity: Identity
    api_key: str
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def addresses(self) -> dict[str, str]:
        return {domain: listener.url for domain, listener in self.listeners.items()}

    @property
    def hosted(self) -> dict[str, HostedVendor]:
        """The domains in which a vendor's simulator answers."""
        return {domain: one for domain, one in self.upstreams.items() if isinstance(one, HostedVendor)}

    def known(self) -> Json:
        """What documentation and tests may rely on."""
        return {
            "vendors": {domain: one.simulator.known() for domain, one in self.hosted.items()},
            "apiKey": self.api_key,
            "issuer": self.identity.issuer,
            "placements": list(PLACEMENTS),
            **known(self.shop),
        }

    async def set_faults(self, domain: str, faults: Faults) -> None:
        self.upstreams[domain].set_faults(faults)
        if domain == "delivery":
            self.delivery.failed_providers = frozenset(faults.failed_providers)
        listener = self.listeners[domain]
        await (listener.refuse() if faults.mode == "down" else listener.open())

    async def open(self) -> None:
        for listener in self.listeners.values():
            await listener.open()

    async def close(self) -> None:
        for listener in self.listeners.values():
            await listener.close()
