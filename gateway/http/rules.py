"""How open the door is."""

from dataclasses import dataclass, field

from gateway.http.body import BodyLimits
from gateway.http.compression import Compression
from gateway.http.origins import Origins


@dataclass(frozen=True, slots=True)
class EdgeRules:
    """The defaults are production's; seconds are of the event loop's clock.

    `get_queries` lets queries travel as plain text in addresses; registered documents, hashes, and
    texts with their hash always may. `introspection` opens `__schema` and `__type`. A client may ask for less time than
    the deadlines with `x-request-deadline-ms`, never for more. Credentials of a subscription are
    looked at again every `recognise_s`.
    """

    get_queries: bool = False
    introspection: bool = False
    query_deadline_s: float = 8.0
    mutation_deadline_s: float = 12.0
    heartbeat_s: float = 12.0
    recognise_s: float = 30.0
    body: BodyLimits = field(default_factory=BodyLimits)
    origins: Origins = field(default_factory=Origins)
    compression: Compression = field(default_factory=Compression)


@dataclass(frozen=True, slots=True)
class SocketRules:
    """Limits of one WebSocket connection: seconds to wait for `connection_init`, live operations, nesting of a message,
    seconds after which the client has to come back, and after which its credentials are looked at again.
    """

    init_wait_s: float = 5.0
    operations: int = 20
    lifetime_s: float = 3600.0
    recognise_s: float = 30.0
    message: BodyLimits = field(default_factory=BodyLimits)
