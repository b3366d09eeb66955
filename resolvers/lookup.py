"""Finding objects by what a client gives: a key, or a global id of any kind."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import strawberry

from clients.catalogue import protocol as catalogue
from clients.customers.protocol import ME, Company, Customer
from clients.eventual import Eventual, is_pending, then
from clients.loyalty.protocol import ACCOUNT, LoyaltyAccount
from resolvers.batch import Outcome
from resolvers.category import in_tree
from resolvers.context import Info
from resolvers.fields import Outcomes, input_object, plain
from resolvers.hydration import by_product_id
from resolvers.node import Kind, key_of, read_id
from resolvers.product import load_variants
from resolvers.texts import LONGEST_NAME

T = TypeVar("T")


@input_object(one_of=True)
class ProductKey:
    """Key of a product; give exactly one."""

    id: strawberry.Maybe[strawberry.ID] = plain("Global id.")
    handle: strawberry.Maybe[str] = plain("Handle.")
    sku: strawberry.Maybe[str] = plain("Stock-keeping unit of any of its variants.")


@input_object(one_of=True)
class VariantKey:
    """Key of a variant; give exactly one."""

    id: strawberry.Maybe[strawberry.ID] = plain("Global id.")
    sku: strawberry.Maybe[str] = plain("Stock-keeping unit.")


@input_object(one_of=True)
class CategoryKey:
    """Key of a category; give exactly one."""

    id: strawberry.Maybe[strawberry.ID] = plain("Global id.")
    handle: strawberry.Maybe[str] = plain("Handle.")


def first_of(outcomes: Outcomes[Any]) -> Eventual[Outcome[Any]]:
    """The only outcome of a load of one key."""
    return then(outcomes, lambda loaded: loaded[0])


def find_product(by: ProductKey, info: Info) -> Eventual[Outcome[catalogue.Product]]:
    """A product by key; a string that cannot be a key names nothing."""
    key = read_product_key(by)
    return info.context.loaders.products.load(key) if key else None


def read_product_key(by: ProductKey) -> catalogue.ProductKey | None:
    """A client's key as the catalogue's."""
    if by.id:
        product_id = key_of(Kind.PRODUCT, by.id.value)
        return catalogue.ProductKey(kind="id", key=product_id) if product_id else None
    if by.handle:
        handle = _name(by.handle)
        return catalogue.ProductKey(kind="handle", key=handle) if handle else None
    sku = _name(by.sku)
    return catalogue.ProductKey(kind="sku", key=sku) if sku else None


def find_variant(by: VariantKey, info: Info) -> Eventual[Outcome[catalogue.Variant]]:
    """A variant by key."""
    sku = key_of(Kind.VARIANT, by.id.value) if by.id else _name(by.sku)
    return first_of(load_variants([sku], info)) if sku else None


def find_category(by: CategoryKey, info: Info) -> Eventual[Outcome[catalogue.Category]]:
    """A category by key."""
    category_id = key_of(Kind.CATEGORY, by.id.value) if by.id else None
    handle = _name(by.handle)

    def look(tree: catalogue.CategoryTree) -> list[Outcome[catalogue.Category]]:
        return [tree.by_id.get(category_id) if category_id else tree.by_handle.get(handle or "")]

    return first_of(in_tree(info, look, 1)) if category_id or handle else None


def _name(given: strawberry.Some[str] | None) -> str | None:
    """A handle or sku; None when it is not given, or is a text that names nothing."""
    return given.value if given and 0 < len(given.value) <= LONGEST_NAME else None


def find_node(given: str, info: Info) -> Eventual[Outcome[Any]]:
    """Anything by its global id; None when no kind of ours has such an id, or it is not yours."""
    return first_of(find_nodes([given], info))


def find_nodes(given: Sequence[str], info: Info) -> Eventual[list[Outcome[Any]]]:
    """Many at once, in order; one load for all of a kind."""
    read = [read_id(one) for one in given]
    keys: dict[Kind, list[str]] = {}
    for kind, key in filter(None, read):
        keys.setdefault(kind, []).append(key)

    def put_in_order(found: Mapping[Kind, Sequence[Outcome[Any]]]) -> list[Outcome[Any]]:
        remaining = {kind: iter(outcomes) for kind, outcomes in found.items()}
        return [next(remaining[known[0]]) if known else None for known in read]

    return then(_find_all(keys, info), put_in_order)


def _find_all(keys: Mapping[Kind, Sequence[str]], info: Info) -> Eventual[dict[Kind, Sequence[Outcome[Any]]]]:
    """The outcomes of each kind's keys; all kinds are asked before any is waited for."""
    found: dict[Kind, Sequence[Outcome[Any]]] = {}
    coming: dict[Kind, Awaitable[Sequence[Outcome[Any]]]] = {}
    for kind, asked in keys.items():
        outcomes = FINDERS[kind](asked, info) if kind in FINDERS else [None] * len(asked)
        if is_pending(outcomes):
            coming[kind] = outcomes
        else:
            found[kind] = outcomes
    return _settle(found, coming, keys) if coming else found


async def _settle(
    found: dict[Kind, Sequence[Outcome[Any]]],
    coming: Mapping[Kind, Awaitable[Sequence[Outcome[Any]]]],
    keys: Mapping[Kind, Sequence[str]],
) -> dict[Kind, Sequence[Outcome[Any]]]:
    """Add what is coming; a load that raises is an outcome of its own keys only."""
    settled = await asyncio.gather(*coming.values(), return_exceptions=True)
    for kind, outcome in zip(coming, settled, strict=True):
        if isinstance(outcome, Exception):
            found[kind] = [outcome] * len(keys[kind])
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            found[kind] = outcome
    return found


def _products(keys: Sequence[str], info: Info) -> Outcomes[catalogue.Product]:
    return info.context.loaders.products.load_many([by_product_id(key) for key in keys])


def _categories(keys: Sequence[str], info: Info) -> Outcomes[catalogue.Category]:
    return in_tree(info, lambda tree: [tree.by_id.get(key) for key in keys], len(keys))


def _own_customer(keys: Sequence[str], info: Info) -> Outcomes[Customer]:
    return _own(info, keys, lambda me: {me.id: me})


def _own_companies(keys: Sequence[str], info: Info) -> Outcomes[Company]:
    return _own(info, keys, lambda me: {company.id: company for company in me.companies})


def _own(info: Info, keys: Sequence[str], index: Callable[[Customer], Mapping[str, T]]) -> Outcomes[T]:
    """Look keys up in what belongs to the viewer; there is nothing else, whoever else it may belong to."""
    if info.context.viewer.customer_id is None:
        return [None] * len(keys)

    def look(me: Outcome[Customer]) -> list[Outcome[T]]:
        if isinstance(me, Exception):
            return [me] * len(keys)
        mine = index(me) if me is not None else {}
        return [mine.get(key) for key in keys]

    return then(info.context.loaders.customers.load(ME), look)


def _own_account(keys: Sequence[str], info: Info) -> Outcomes[LoyaltyAccount]:
    if info.context.viewer.customer_id is None:
        return [None] * len(keys)

    def look(mine: Outcome[LoyaltyAccount]) -> list[Outcome[LoyaltyAccount]]:
        return [mine if isinstance(mine, Exception) or (mine is not None and mine.id == key) else None for key in keys]

    return then(info.context.loaders.accounts.load(ACCOUNT), look)


FINDERS: Mapping[Kind, Callable[[Sequence[str], Info], Outcomes[Any]]] = {
    Kind.PRODUCT: _products,
    Kind.VARIANT: load_variants,
    Kind.CATEGORY: _categories,
    Kind.PROMOTION: lambda keys, info: info.context.loaders.promotions.load_many(keys),
    Kind.LOCATION: lambda keys, info: info.context.loaders.locations.load_many(keys),
    Kind.LOCALITY: lambda keys, info: info.context.loaders.localities.load_many(keys),
    Kind.CUSTOMER: _own_customer,
    Kind.COMPANY: _own_companies,
    Kind.LOYALTY_ACCOUNT: _own_account,
}
"""How to fetch the nodes of a kind. No system lets us ask for a brand or a movement of points by its id."""
