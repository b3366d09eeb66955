"""Stock out of 1C, which is never asked: it pushes changes to us, or sends them in a CommerceML exchange.

The receivers are `gateway/exchange/`; what they write is answered from here. See docs/vendors/onec.md.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator

from clients.stock.held import HeldSettings, HeldStock
from clients.stock.ledger import SkuFrom


class OnecSettings(HeldSettings):
    """What opens the receivers, and how 1C's names are read. At least one of the two ways in must be opened."""

    push_key: SecretStr = Field(default=SecretStr(""), description="Bearer token of pushes; empty: pushes are closed.")
    exchange_login: str = Field(default="", max_length=200, description="Login of the exchange; empty: it is closed.")
    exchange_password: SecretStr = Field(default=SecretStr(""), description="Password of the exchange.")
    time_zone: str = Field(description="Zone of 1C's server, e.g. Europe/Moscow: its packages do not tell.")
    sku_from: SkuFrom = Field(
        default="id", description="What of an offer is the shop's sku: its id, its article or its barcode."
    )
    chunk_megabytes: int = Field(default=20, ge=1, le=200, description="Most that 1C sends in one request.")
    exchange_megabytes: int = Field(default=4096, ge=1, description="Most that one exchange may bring, also unpacked.")
    absent_after_s: float = Field(
        default=120.0,
        gt=0,
        description="A full package in numbered files is over when 1C says so, or nothing came for so long.",
    )

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, given: str) -> str:
        if given not in available_timezones():
            raise ValueError(f"expected a time zone such as Europe/Moscow, got {given!r}")
        return given

    @model_validator(mode="after")
    def _is_open(self) -> "OnecSettings":
        if bool(self.exchange_login) != bool(self.exchange_password.get_secret_value()):
            raise ValueError("expected both exchange_login and exchange_password, or neither")
        if not self.exchange_login and not self.push_key.get_secret_value():
            raise ValueError("expected push_key, or exchange_login and exchange_password: nothing could be received")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class OnecStock(HeldStock):
    """Fulfils `clients.stock.protocol.Stock` with what 1C has told."""

    settings: OnecSettings
