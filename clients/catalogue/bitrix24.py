"""The catalogue in Bitrix24: products with their offers, and sections as the tree.

Two rounds of calls bring any number of products: one for them and one for their offers, and one before
both when variants are asked for by sku. A call holds fifty lists, so a page of tiles is a call in each.
Sections and names of lists are held, and fetched anew every ten minutes in the background.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from clients.catalogue.bitrix24_reading import (
    Element,
    Enum,
    Reference,
    Section,
    Unreadable,
    has_offers,
    parent_of,
    read_names,
    read_product,
    read_tree,
    whole,
)
from clients.catalogue.bitrix24_settings import Bitrix24Settings
from clients.catalogue.generic import index_products
from clients.catalogue.protocol import TREE, CategoryTree, Product, ProductKey
from clients.contract import in_batches
from clients.errors import Outcomes, SourceError
from clients.http import UNDECODABLE, Upstream
from clients.renewed import Lease, Renewed
from clients.scope import Public
from clients.values import write_once
from clients.vendors.bitrix24 import Access, Bitrix24, Listing, Webhook
from clients.vendors.bitrix24_tokens import RotatingTokens, TokenFile

T = TypeVar("T")

BATCH_LIMIT: Final = 500
IN_ONE_LIST: Final = 49
"""Keys of one list: one fewer than a page, so that a list rarely needs a second."""

PARENTS_OF_ONE_LIST: Final = 3
"""Products whose offers are asked for together: few enough for a page, many enough for one batch."""

REFERENCE_FRESH_S: Final = 600.0
REFERENCE_GONE_S: Final = 86_400.0

FIELDS: Final = (
    "id", "iblockId", "iblockSectionId", "name", "code", "xmlId", "type", "active", "previewText", "detailText",
    "detailTextType",
)  # fmt: skip
OFFER_FIELDS: Final = ("id", "iblockId", "name", "xmlId", "parentId", "active")
SECTION_FIELDS: Final = (
    "id", "iblockId", "iblockSectionId", "name", "code", "xmlId", "sort", "active", "description", "descriptionType",
)  # fmt: skip
NAME_FIELDS: Final = ("id", "propertyId", "value", "xmlId", "sort")

_ELEMENT: Final = msgspec.json.Decoder(dict[str, Any])
_SECTION: Final = msgspec.json.Decoder(Section)
_NAME: Final = msgspec.json.Decoder(Enum)


class Bitrix24Catalogue:
    """Fulfils `clients.catalogue.protocol.Catalogue`; `now` gives seconds since the epoch."""

    def __init__(self, upstream: Upstream, settings: Bitrix24Settings, now: Callable[[], float]) -> None:
        self.upstream = upstream
        self._settings = settings
        self._now = now
        self._portal = Bitrix24(upstream, open_access(upstream, settings, now))
        self._reference: Renewed[Reference] = Renewed(self._fetch_reference, upstream.source, now)

    async def ping(self) -> None:
        """Ask for the catalogue's own entry; raises a SourceError, also when there is none."""
        block = self._settings.products_block
        listing = Listing("catalog.catalog.list", "catalogs", {"iblockId": block}, ("id", "iblockId"))
        answers = await self._portal.scan({"catalog": listing}, operation="health")
        catalogs = sound(answers["catalog"])
        if not catalogs:
            raise self._portal.broken(f"expected a catalogue in the information block {block}, got none")

    # ---- products ---------------------------------------------------------------------------------

    async def fetch_products(self, keys: Sequence[ProductKey], scope: Public) -> Outcomes[ProductKey, Product]:
        """Products that are active, with the offers that are; a product without any is absent."""

        async def fetch(some: Sequence[ProductKey]) -> Mapping[ProductKey, Product | SourceError]:
            reference = await self._reference.get()
            parents, failed = await self._parents_of(some)
            elements, more = await self._elements(some, sorted(parents))
            offers, no_offers = await self._offers(elements)
            products, unread = self._read(elements, offers, no_offers, reference, scope.language)
            found = index_products(products, {key.kind for key in some})
            # What nobody could be asked about, or nobody could read, is not called absent.
            error = failed or more or unread
            missing = dict.fromkeys(some, error) if error is not None else {}
            return {**missing, **{key: found[key] for key in some if key in found}}

        return await in_batches(keys, BATCH_LIMIT, fetch)

    async def _parents_of(self, keys: Sequence[ProductKey]) -> tuple[set[int], SourceError | None]:
        """Ids of the products that have these skus."""
        skus = [key.key for key in keys if key.kind == "sku"]
        if not skus or self._settings.offers_block is None:
            return set(), None
        field = f"property{self._settings.sku}" if self._settings.sku is not None else self._settings.ids
        listings = {
            f"sku{number}": self._offer_listing({f"@{field}": some}, ())
            for number, some in enumerate(in_groups(skus, IN_ONE_LIST))
        }
        offers, failed = await self._scan(listings, "catalogue.products")
        return {parent for offer in offers if (parent := parent_of(offer))}, failed

    async def _elements(
        self, keys: Sequence[ProductKey], parents: Sequence[int]
    ) -> tuple[list[Element], SourceError | None]:
        by_kind = {
            self._settings.ids: [key.key for key in keys if key.kind == "id"],
            "code": [key.key for key in keys if key.kind == "handle"],
            "id": [str(parent) for parent in parents],
        }
        if self._settings.ids == "id":
            by_kind["id"] = [key.key for key in keys if key.kind == "id" and key.key.isdigit()] + by_kind["id"]
        elif self._settings.offers_block is None or self._settings.sku is None:
            by_kind["xmlId"] += [key.key for key in keys if key.kind == "sku"]
        listings = {
            f"{field}{number}": self._product_listing({f"@{field}": some})
            for field, wanted in by_kind.items()
            for number, some in enumerate(in_groups(wanted, IN_ONE_LIST))
        }
        elements, failed = await self._scan(listings, "catalogue.products")
        return list({whole(element.get("id")): element for element in elements}.values()), failed

    async def _offers(self, elements: Sequence[Element]) -> tuple[dict[int, list[Element]], dict[int, SourceError]]:
        """Offers by the id of their product, and the products whose offers could not be had."""
        having = [whole(element.get("id")) for element in elements if has_offers(element)]
        if not having or self._settings.offers_block is None:
            return {}, {}
        groups = [list(some) for some in in_groups(having, PARENTS_OF_ONE_LIST)]
        properties = [option.property for option in self._settings.options]
        own = (self._settings.sku, self._settings.offer_picture, self._settings.barcode, *properties)
        listings = {
            f"offers{number}": self._offer_listing({"@parentId": some}, [p for p in own if p is not None])
            for number, some in enumerate(groups)
        }
        answers = await self._portal.scan(listings, operation="catalogue.products")
        offers: dict[int, list[Element]] = {}
        failed: dict[int, SourceError] = {}
        for number, parents in enumerate(groups):
            answer = answers[f"offers{number}"]
            if isinstance(answer, SourceError):
                failed |= dict.fromkeys(parents, answer)
                continue
            for offer in map(decode_element, answer):
                offers.setdefault(parent_of(offer), []).append(offer)
        return offers, failed

    def _read(
        self,
        elements: Sequence[Element],
        offers: Mapping[int, list[Element]],
        no_offers: Mapping[int, SourceError],
        reference: Reference,
        language: str,
    ) -> tuple[list[Product], SourceError | None]:
        products: list[Product] = []
        failed: SourceError | None = None
        for element in elements:
            own = whole(element.get("id"))
            if own in no_offers:
                failed = no_offers[own]
                continue
            try:
                product = read_product(element, offers.get(own, []), reference, language, self._settings)
            except (Unreadable, msgspec.ValidationError) as error:
                failed = self._portal.broken(f"product {own}: {error}")
                continue
            if product is not None:
                write_once(product.variants, "product_id", product.id)
                products.append(product)
        return products, failed

    async def _scan(self, listings: Mapping[str, Listing], operation: str) -> tuple[list[Element], SourceError | None]:
        """All entries of all lists, and the error of one that failed."""
        answers = (await self._portal.scan(listings, operation=operation)).values()
        failed = next((answer for answer in answers if isinstance(answer, SourceError)), None)
        return [
            decode_element(entry) for answer in answers if not isinstance(answer, SourceError) for entry in answer
        ], failed

    def _product_listing(self, wanted: Mapping[str, object]) -> Listing:
        settings = self._settings
        texts = [p for one in settings.translations.values() for p in (one.name, one.subtitle, one.description)]
        own = (
            *(part.property for part in settings.attributes), settings.brand, settings.badges, settings.pictures,
            settings.videos, settings.rating, settings.reviews, *texts,
        )  # fmt: skip
        select = (*FIELDS, *(f"property{number}" for number in dict.fromkeys(own) if number is not None))
        block = {"iblockId": settings.products_block, "active": "Y"}
        return Listing("catalog.product.list", "products", {**block, **wanted}, select)

    def _offer_listing(self, wanted: Mapping[str, object], properties: Sequence[int]) -> Listing:
        block = {"iblockId": self._settings.offers_block, "active": "Y"}
        select = (*OFFER_FIELDS, *(f"property{number}" for number in dict.fromkeys(properties)))
        return Listing("catalog.product.offer.list", "offers", {**block, **wanted}, select)

    # ---- sections and names -----------------------------------------------------------------------

    async def fetch_category_tree(self, keys: Sequence[str], scope: Public) -> Outcomes[str, CategoryTree]:  # noqa: ARG002
        """The tree of active sections; a portal has them in one language."""

        async def fetch(_: Sequence[str]) -> dict[str, CategoryTree | SourceError]:
            return {TREE: (await self._reference.get()).tree}

        return await in_batches(keys, 1, fetch)

    async def _fetch_reference(self) -> Lease[Reference]:
        block, lists = {"iblockId": self._settings.products_block}, self._settings.list_properties
        listings = {"sections": Listing("catalog.section.list", "sections", block, SECTION_FIELDS)}
        if lists:
            listings["names"] = Listing(
                "catalog.productPropertyEnum.list", "productPropertyEnums", {"@propertyId": lists}, NAME_FIELDS
            )
        answers = await self._portal.scan(listings, operation="catalogue.categories")
        try:
            sections = [_SECTION.decode(entry) for entry in sound(answers["sections"])]
            names = [_NAME.decode(entry) for entry in sound(answers.get("names", ()))]
            tree, paths = read_tree(sections, self._settings)
            reference = Reference(read_names(names), tree, paths)
        except (*UNDECODABLE, Unreadable) as error:
            raise self._portal.broken(f"sections: {error}") from None
        now = self._now()
        return Lease(reference, now + REFERENCE_FRESH_S, now + REFERENCE_GONE_S)


def open_access(upstream: Upstream, settings: Bitrix24Settings, now: Callable[[], float]) -> Access:
    """The way in that the settings give."""
    if settings.webhook is not None:
        return Webhook(settings.webhook.get_secret_value())
    assert settings.token_file is not None
    giver = Upstream(upstream.source, str(settings.oauth_url), upstream.transport)
    secret, refresh = settings.client_secret.get_secret_value(), settings.refresh_token.get_secret_value()
    return RotatingTokens(giver, settings.client_id, secret, refresh, TokenFile(settings.token_file), now)


def in_groups(keys: Sequence[T], size: int) -> list[Sequence[T]]:
    """The keys in their order, at most `size` together."""
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def sound(answer: Sequence[T] | SourceError) -> Sequence[T]:
    """The entries of a list; raises the error that stands in its place."""
    if isinstance(answer, SourceError):
        raise answer
    return answer


def decode_element(entry: msgspec.Raw) -> Element:
    """An element, whose fields depend on the portal; it was read once already, for its id."""
    return _ELEMENT.decode(entry)
