"""What an operator tells about a shop that sends with CDEK; every field is described in `docs/vendors/cdek.md`."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from clients.vendors.tables import FromJson

CURRENCY_NUMBERS: Final[Mapping[str, int]] = {
    "RUB": 1, "KZT": 2, "USD": 3, "EUR": 4, "GBP": 5, "CNY": 6, "BYN": 7, "KGS": 9, "AMD": 10, "TRY": 11, "THB": 12,
    "KRW": 13, "AED": 14, "UZS": 15, "MNT": 16, "PLN": 17, "AZN": 18, "GEL": 19, "JPY": 55, "VND": 704,
}  # fmt: skip
"""The vendor's own numbers of currencies: appendix 14 of its documentation."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("expected an IANA time zone such as Europe/Moscow") from None
    return name


def _known_currency(code: str) -> str:
    if code not in CURRENCY_NUMBERS:
        raise ValueError(f"expected a currency that CDEK counts in: {', '.join(CURRENCY_NUMBERS)}")
    return code


class Parcel(BaseModel):
    """A package as it is handed over: grams and whole centimetres."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight_g: int = Field(ge=1, le=1_000_000)
    length_cm: int = Field(ge=1, le=1000)
    width_cm: int = Field(ge=1, le=1000)
    height_cm: int = Field(ge=1, le=1000)


class CdekSettings(BaseModel):
    """Credentials, where parcels come from, and how big they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: SecretStr = Field(description="Account of the integration.")
    client_secret: SecretStr = Field(description="Its secure password.")
    credentials_in: Literal["query", "form"] = Field(
        default="query", description="Where the credentials stand in the call for a token; the contract says query."
    )
    order_type: Literal[1, 2] = Field(default=1, description="1: contract of an online shop, 2: of plain delivery.")
    from_city: int = Field(ge=1, description="CDEK's code of the city that parcels are sent from.")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        description="IANA time zone of the place that parcels are sent from."
    )
    cut_off: dt.time = Field(
        default=dt.time(18), description="Orders before this time of day are handed over on the same day."
    )
    handling_days: int = Field(default=0, ge=0, le=60, description="Days between the cut-off and the hand-over.")
    currency: Annotated[str, AfterValidator(_known_currency)] = Field(
        default="RUB", description="What delivery costs in when CDEK does not count in the shopper's currency."
    )
    cities: Annotated[Mapping[str, int], FromJson] = Field(
        min_length=1, description='Locality ids of the shop and CDEK\'s city codes, e.g. {"msk": 44}.'
    )
    parcel: Annotated[Parcel, FromJson] = Field(description="What one piece is packed in.")
    parcels: Annotated[Mapping[str, Parcel], FromJson] = Field(
        default_factory=dict, description="The same for skus that begin so; the longest beginning wins."
    )
    tariffs: Annotated[frozenset[int], FromJson] = Field(
        default=frozenset(), description="Only these tariff codes; all of the contract when there are none."
    )
    country_code: str = Field(
        default="RU", pattern="^[A-Z]{2}$", description="Country of an address that does not say one."
    )
    point_countries: Annotated[tuple[str, ...], FromJson] = Field(
        default=("RU",), min_length=1, description="Countries whose pickup points are shown."
    )
    page_size: int = Field(default=500, ge=1, le=10_000, description="Pickup points in one page of CDEK's list.")
    most_points: int = Field(default=60_000, ge=1, description="A longer list of pickup points is refused.")
    id_prefix: str = Field(default="cdek-", max_length=20, description="Stands before CDEK's codes in location ids.")
    operator: str = Field(default="СДЭК", description="The carrier's name as shoppers know it.")
    quote_s: float = Field(default=30.0, gt=0, le=600, description="How long a quote answers the same question again.")

    def parcel_of(self, sku: str) -> Parcel:
        """What a piece of this sku is packed in."""
        fitting = [beginning for beginning in self.parcels if sku.startswith(beginning)]
        return self.parcels[max(fitting, key=len)] if fitting else self.parcel
