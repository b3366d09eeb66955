"""What an operator tells about a catalogue in Bitrix24; every field is described in `docs/vendors/bitrix24.md`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator

from clients.vendors.tables import FromJson


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


PropertyNumber = Annotated[int, Field(ge=1)]


class Characteristic(_Part):
    """A characteristic that is a property of products; `is_list` when its values are a list of the portal's."""

    code: str
    title: str
    property: PropertyNumber
    group: str | None = None
    is_list: bool = False


class Option(_Part):
    """Something that offers differ in; a value is painted by `swatches` under its own name."""

    code: str
    title: str
    property: PropertyNumber
    is_list: bool = True
    swatches: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("swatches")
    @classmethod
    def _colours(cls, swatches: Mapping[str, str]) -> Mapping[str, str]:
        for colour in swatches.values():
            if len(colour) != 7 or colour[0] != "#" or not set(colour[1:]) <= set("0123456789abcdef"):  # noqa: PLR2004
                raise ValueError("expected colours such as #1a1a1a")
        return swatches


class Translation(_Part):
    """Properties that hold a product's texts in another language."""

    name: PropertyNumber | None = None
    subtitle: PropertyNumber | None = None
    description: PropertyNumber | None = None


class Bitrix24Settings(_Part):
    """How to get in, which information blocks to read, and what their properties mean."""

    webhook: SecretStr | None = Field(
        default=None, description="User and secret of an inbound webhook: `1/abcdef`, the end of its address."
    )
    client_id: str = Field(default="", description="An application with OAuth instead of a webhook: its id,")
    client_secret: SecretStr = Field(default=SecretStr(""), description="its key,")
    refresh_token: SecretStr = Field(default=SecretStr(""), description="the refresh token to begin with,")
    token_file: Path | None = Field(
        default=None, description="and where the current tokens are kept: on disk, shared by the workers."
    )
    oauth_url: HttpUrl = Field(default=HttpUrl("https://oauth.bitrix.info"), description="Who gives out tokens.")
    products_block: int = Field(ge=1, description="Information block of products.")
    offers_block: int | None = Field(default=None, ge=1, description="Information block of offers, if there is one.")
    ids: Literal["xmlId", "id"] = Field(
        default="xmlId",
        description="What the shop calls a product, an offer or a section by: xmlId or id.",
    )
    sku: PropertyNumber | None = Field(
        default=None, description="Property of offers that has the sku; without it the sku is the offer's id as above."
    )
    options: Annotated[tuple[Option, ...], FromJson] = Field(default=(), description="What offers differ in.")
    attributes: Annotated[tuple[Characteristic, ...], FromJson] = Field(
        default=(), description="Characteristics, in display order."
    )
    brand: PropertyNumber | None = Field(default=None, description="List property with the brand.")
    brand_ids: str = Field(default="{code}", description="A brand's id; holds {code}, which is also its handle.")
    badges: PropertyNumber | None = Field(default=None, description="List property with merchandising labels.")
    badge_colors: Annotated[Mapping[str, str], FromJson] = Field(
        default_factory=dict, description="Colours of labels by their code."
    )
    pictures: PropertyNumber | None = Field(
        default=None, description="Property of products with addresses of pictures, the main one first."
    )
    videos: PropertyNumber | None = Field(default=None, description="Property with addresses of videos.")
    offer_picture: PropertyNumber | None = Field(default=None, description="Property of offers with a picture.")
    barcode: PropertyNumber | None = Field(default=None, description="Property of offers with the barcode.")
    rating: PropertyNumber | None = Field(default=None, description="Property with the mean of the reviews, 0 to 5,")
    reviews: PropertyNumber | None = Field(default=None, description="and the one with their number.")
    most_ordered: int | None = Field(default=None, ge=1, description="How many of one thing may be ordered at once.")
    product_url: str | None = Field(default=None, description="A product's canonical address; holds {handle}.")
    category_url: str | None = Field(default=None, description="The same of a category.")
    translations: Annotated[Mapping[str, Translation], FromJson] = Field(
        default_factory=dict, description="Texts in further languages, by language."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> "Bitrix24Settings":
        oauth = (self.client_id, self.client_secret.get_secret_value(), self.token_file)
        if self.webhook is None and not all(oauth):
            raise ValueError("expected webhook, or client_id, client_secret and token_file")
        if self.webhook is not None and any(oauth):
            raise ValueError("expected webhook or client_id, got both")
        return self

    @property
    def list_properties(self) -> tuple[int, ...]:
        """The properties whose values are names of the portal's lists."""
        options = [option.property for option in self.options if option.is_list]
        lists = [*options, *(part.property for part in self.attributes if part.is_list)]
        return tuple(dict.fromkeys([*lists, *filter(None, (self.brand, self.badges))]))
