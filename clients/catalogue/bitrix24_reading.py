"""Bitrix24's elements, sections and lists as products and categories. All of it is pure.

An element's properties come as `property258: {value, valueId}`, as a list of such, or as null. Values
of a list property are ids of names that stand elsewhere. Numbers may come as text; yes and no are Y and N.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from clients.catalogue.bitrix24_settings import Bitrix24Settings, Option
from clients.catalogue.protocol import (
    Category,
    CategoryTree,
    Media,
    MediaKind,
    Product,
    ProductAttribute,
    ProductOption,
    ProductOptionValue,
    QuantityRule,
    Rating,
    SelectedOption,
    Seo,
    Variant,
)
from clients.values import Badge, Brand, Image, Swatch

SIMPLE: Final = frozenset({1, 2, 7})
"""Types of products that have no offers: simple, set, service."""

Element = Mapping[str, Any]


class Section(msgspec.Struct, frozen=True):
    """A section of the catalogue; `iblock_section_id` is the one above."""

    id: int | str
    name: str
    xml_id: int | str | None = msgspec.field(default=None, name="xmlId")
    code: str | None = None
    iblock_section_id: int | str | None = msgspec.field(default=None, name="iblockSectionId")
    sort: int | str | None = None
    active: str = "Y"
    description: str | None = None
    description_type: str | None = msgspec.field(default=None, name="descriptionType")


class Enum(msgspec.Struct, frozen=True):
    """A name in a list of the portal."""

    id: int | str
    value: str
    xml_id: int | str | None = msgspec.field(default=None, name="xmlId")
    sort: int | str | None = None


class Name(NamedTuple):
    """A name with its code and its place in the list."""

    code: str
    title: str
    sort: int


class Reference(NamedTuple):
    """What products are read with: names of lists by id, the tree, and ids on the way to each section."""

    names: Mapping[str, Name]
    tree: CategoryTree
    paths: Mapping[int, tuple[str, ...]]


class Unreadable(ValueError):
    """An element that breaks the contract; the message says what was expected."""


def read_names(enums: Iterable[Enum]) -> dict[str, Name]:
    """Names by their id."""
    return {str(one.id): Name(str(one.xml_id or one.id), one.value, whole(one.sort)) for one in enums}


def read_tree(
    sections: Iterable[Section], settings: Bitrix24Settings
) -> tuple[CategoryTree, dict[int, tuple[str, ...]]]:
    """Active sections below active ones, parents first, siblings by `sort` and id; and the way to each.

    Raises Unreadable when two of them have one id: products and listings could not tell them apart.
    """
    below: dict[int, list[Section]] = {}
    for section in sections:
        if section.active == "Y":
            below.setdefault(whole(section.iblock_section_id), []).append(section)
    paths: dict[int, tuple[str, ...]] = {}
    categories: list[Category] = []

    def grow(above: int, parent_id: str | None) -> None:
        for section in children(below, above):
            key, own = key_of(section, settings), whole(section.id)
            paths[own] = (*paths.get(above, ()), key)
            child_ids = tuple(key_of(child, settings) for child in children(below, own))
            categories.append(_category(section, key, parent_id, child_ids, settings))
            grow(own, key)

    grow(0, None)
    if len({category.id for category in categories}) != len(categories):
        raise Unreadable(f"expected sections with different {settings.ids}, got the same twice")
    return CategoryTree(categories=tuple(categories)), paths


def children(below: Mapping[int, list[Section]], above: int) -> list[Section]:
    """The sections under another, in display order."""
    return sorted(below.get(above, ()), key=lambda section: (whole(section.sort), whole(section.id)))


def key_of(section: Section, settings: Bitrix24Settings) -> str:
    """What the shop calls a section."""
    return str(section.xml_id or section.id) if settings.ids == "xmlId" else str(section.id)


def _category(
    section: Section, key: str, parent_id: str | None, child_ids: tuple[str, ...], settings: Bitrix24Settings
) -> Category:
    handle = section.code or key
    return Category(
        id=key,
        handle=handle,
        title=section.name,
        parent_id=parent_id,
        child_ids=child_ids,
        description=as_html(section.description, section.description_type),
        seo=Seo(title=section.name, canonical_url=_filled(settings.category_url, handle)),
    )


def read_product(
    element: Element, offers: Sequence[Element], reference: Reference, language: str, settings: Bitrix24Settings
) -> Product | None:
    """A product with its variants; None when none of them is for sale. Raises Unreadable."""
    texts = settings.translations.get(language)
    title = (_only(element, texts.name) if texts else None) or required(element, "name")
    about = _only(element, texts.description) if texts else None
    key, handle = id_of(element, settings), text(element, "code") or id_of(element, settings)
    variants = [read_variant(offer, title, reference, settings) for offer in offers]
    if not variants and whole(element.get("type") or 1) in SIMPLE:
        variants = [read_variant(element, title, reference, settings, is_offer=False)]
    if not variants:
        return None
    pictures = values(element, settings.pictures)
    videos = [
        Media(kind=MediaKind.VIDEO, image=Image(url=(pictures or [video])[0], alt=title), video_url=video)
        for video in values(element, settings.videos)
    ]
    images = [Media(kind=MediaKind.IMAGE, image=Image(url=url, alt=title)) for url in pictures]
    return Product(
        id=key,
        handle=handle,
        title=title,
        subtitle=(_only(element, texts.subtitle) if texts else None) or text(element, "previewText"),
        description=about or as_html(text(element, "detailText"), text(element, "detailTextType")),
        brand=_brand(element, reference, settings),
        image=images[0].image if images else None,
        media=(*images, *videos),
        category_path=reference.paths.get(whole(element.get("iblockSectionId")), ()),
        attributes=tuple(_attributes(element, reference, settings)),
        options=tuple(_options(offers, reference, settings)),
        variants=tuple(variants),
        badges=tuple(_badges(element, reference, settings)),
        rating=_rating(element, settings),
        seo=Seo(title=title, canonical_url=_filled(settings.product_url, handle)),
    )


def read_variant(
    element: Element, title: str, reference: Reference, settings: Bitrix24Settings, *, is_offer: bool = True
) -> Variant:
    """An offer, or a simple product itself, as what is sold."""
    key = id_of(element, settings)
    chosen = [
        SelectedOption(code=option.code, value=name.code, title=name.title)
        for option in settings.options
        if is_offer and (name := _chosen(element, option, reference)) is not None
    ]
    picture = _only(element, settings.offer_picture) if is_offer else None
    return Variant(
        id=key,
        sku=(_only(element, settings.sku) if is_offer else None) or key,
        title=", ".join((title, *(option.title for option in chosen))),
        selected_options=tuple(chosen),
        quantity_rule=QuantityRule(minimum=1, step=1, maximum=settings.most_ordered),
        components=(),
        barcode=_only(element, settings.barcode) if is_offer else None,
        image=Image(url=picture, alt=title) if picture else None,
        product_id="",
    )


def _chosen(offer: Element, option: Option, reference: Reference) -> Name | None:
    value = _only(offer, option.property)
    if value is None:
        return None
    return reference.names.get(value) if option.is_list else Name(value, value, 0)


def _options(offers: Sequence[Element], reference: Reference, settings: Bitrix24Settings) -> Iterable[ProductOption]:
    """The options in which the offers have values, each with the values that occur, in the list's own order."""
    for option in settings.options:
        names = {name: None for offer in offers if (name := _chosen(offer, option, reference)) is not None}
        if names:
            yield ProductOption(
                code=option.code,
                title=option.title,
                values=tuple(
                    ProductOptionValue(
                        value=name.code,
                        title=name.title,
                        swatch=Swatch(color=option.swatches[name.code]) if name.code in option.swatches else None,
                    )
                    for name in sorted(names, key=lambda name: name.sort)
                ),
            )


def _attributes(element: Element, reference: Reference, settings: Bitrix24Settings) -> Iterable[ProductAttribute]:
    for part in settings.attributes:
        said = values(element, part.property)
        titles = [reference.names[one].title for one in said if one in reference.names] if part.is_list else said
        if titles:
            yield ProductAttribute(code=part.code, title=part.title, values=tuple(titles), group=part.group)


def _brand(element: Element, reference: Reference, settings: Bitrix24Settings) -> Brand | None:
    name = reference.names.get(_only(element, settings.brand) or "")
    if name is None:
        return None
    return Brand(id=settings.brand_ids.replace("{code}", name.code), handle=name.code, name=name.title)


def _badges(element: Element, reference: Reference, settings: Bitrix24Settings) -> Iterable[Badge]:
    named = (reference.names.get(value) for value in values(element, settings.badges))
    return (
        Badge(code=name.code, title=name.title, color=settings.badge_colors.get(name.code))
        for name in named
        if name is not None
    )


def _rating(element: Element, settings: Bitrix24Settings) -> Rating | None:
    average, count = _only(element, settings.rating), _only(element, settings.reviews)
    if average is None or count is None:
        return None
    try:
        rating = Rating(average=float(average.replace(",", ".")), count=int(count))
    except ValueError:
        raise Unreadable(
            f"expected a rating and a number of reviews, got {average[:20]!r} and {count[:20]!r}"
        ) from None
    if not (0 <= rating.average <= 5 and 0 <= rating.count < 2**31):  # noqa: PLR2004
        raise Unreadable(f"expected a rating from 0 to 5, got {average[:20]!r} of {count[:20]!r}")
    return rating


# ---- an element's fields --------------------------------------------------------------------------


def id_of(element: Element, settings: Bitrix24Settings) -> str:
    """What the shop calls an element."""
    key = text(element, settings.ids) or text(element, "id")
    if key is None:
        raise Unreadable(f"expected an element with {settings.ids}")
    return key


def required(element: Element, name: str) -> str:
    """A field that every element has."""
    said = text(element, name)
    if said is None:
        raise Unreadable(f"expected an element with {name}")
    return said


def text(element: Element, name: str) -> str | None:
    """A field as text; None for null and for nothing in it."""
    value = element.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool | list | dict):
        raise Unreadable(f"expected text in {name}, got {type(value).__name__}")
    return str(value)


def values(element: Element, number: int | None) -> list[str]:
    """All values of a property, in their order; none for a property that is not configured or not set."""
    said = element.get(f"property{number}") if number is not None else None
    return [value for one in (said if isinstance(said, list) else [said]) if (value := _value(one)) is not None]


def _only(element: Element, number: int | None) -> str | None:
    return next(iter(values(element, number)), None)


def _value(said: object) -> str | None:
    """`{value, valueId}`; the value of a property of HTML is `{text, type}` once more."""
    if not isinstance(said, dict):
        return None
    value = said.get("value")
    if isinstance(value, dict):
        value = as_html(str(value.get("text") or ""), str(value.get("type") or ""))
    return None if value is None or value == "" or isinstance(value, bool | list) else str(value)


def as_html(said: str | None, kind: str | None) -> str | None:
    """Text that the portal calls HTML as it is, any other as HTML that shows it."""
    if not said:
        return None
    return said if (kind or "").lower() == "html" else f"<p>{html.escape(said)}</p>"


def whole(value: object) -> int:
    """A number that may come as text; 0 for none."""
    try:
        return int(str(value or 0))
    except ValueError:
        raise Unreadable(f"expected a whole number, got {str(value)[:20]!r}") from None


def has_offers(element: Element) -> bool:
    """Whether a product may have offers; one of a type that is not known may."""
    try:
        return whole(element.get("type")) not in SIMPLE
    except Unreadable:
        return True


def parent_of(offer: Element) -> int:
    """The id of an offer's product: `parentId` is written as a property is, and sometimes plainly; 0 for none."""
    said = offer.get("parentId")
    wrapped = said if isinstance(said, dict | list) else {"value": said}
    try:
        return whole(next(iter(values({"property0": wrapped}, 0)), 0))
    except Unreadable:
        return 0


def _filled(address: str | None, handle: str) -> str | None:
    return None if address is None else address.replace("{handle}", handle)
