"""Finding objects by what a client gives: a key, or a global id of any kind."""

from collections.abc import Callable, Sequence
from typing import Any

import strawberry

from clients.catalogue import protocol as catalogue
from clients.customers.protocol import ME
from clients.eventual import Eventual, is_pending, then
from clients.loyalty.protocol import ACCOUNT, LoyaltyAccount
from resolvers.batch import Outcome
from resolvers.category import in_tree
from resolvers.context import Info
from resolvers.fields import Outcomes, input_object, plain
from resolvers.node import Kind, key_of, read_id
from resolvers.product import load_variants


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
        return catalogue.ProductKey(kind="handle", key=by.handle.value) if by.handle.value else None
    return catalogue.ProductKey(kind="sku", key=by.sku.value) if by.sku and by.sku.value else None


def find_variant(by: VariantKey, info: Info) -> Eventual[Outcome[catalogue.Variant]]:
    """A variant by key."""
    sku = key_of(Kind.VARIANT, by.id.value) if by.id else by.sku and by.sku.value
    return first_of(load_variants([sku], info)) if sku else None


def find_category(by: CategoryKey, info: Info) -> Eventual[Outcome[catalogue.Category]]:
    """A category by key."""
    category_id = key_of(Kind.CATEGORY, by.id.value) if by.id else None
    handle = by.handle.value if by.handle else None

    def look(tree: catalogue.CategoryTree) -> list[Outcome[catalogue.Category]]:
        return [tree.by_id.get(category_id) if category_id else tree.by_handle.get(handle or "")]

    return first_of(in_tree(info, look, 1)) if category_id or handle else None


def find_node(given: str, info: Info) -> Eventual[Outcome[Any]]:
    """Anything by its global id; None when no kind of ours has such an id, or it is not yours."""
    known = read_id(given)
    find = FINDERS.get(known[0]) if known else None
    return find(known[1], info) if known and find else None


def find_nodes(given: Sequence[str], info: Info) -> Eventual[list[Outcome[Any]]]:
    """Many at once, in order; loads of one kind leave together."""
    looked = [find_node(one, info) for one in given]
    return _settle(looked) if any(is_pending(one) for one in looked) else [*looked]


async def _settle(looked: Sequence[Eventual[Outcome[Any]]]) -> list[Outcome[Any]]:
    return [await one if is_pending(one) else one for one in looked]


def _own(key: str, info: Info, load: Callable[[], Eventual[Outcome[Any]]]) -> Eventual[Outcome[Any]]:
    return load() if info.context.viewer.customer_id == key else None


def _own_account(key: str, info: Info) -> Eventual[Outcome[LoyaltyAccount]]:
    if info.context.viewer.customer_id is None:
        return None
    account = info.context.loaders.accounts.load(ACCOUNT)
    return then(account, lambda found: None if isinstance(found, LoyaltyAccount) and found.id != key else found)


FINDERS: dict[Kind, Callable[[str, Info], Eventual[Outcome[Any]]]] = {
    Kind.PRODUCT: lambda key, info: info.context.loaders.products.load(catalogue.ProductKey(kind="id", key=key)),
    Kind.VARIANT: lambda key, info: first_of(load_variants([key], info)),
    Kind.CATEGORY: lambda key, info: first_of(in_tree(info, lambda tree: [tree.by_id.get(key)], 1)),
    Kind.PROMOTION: lambda key, info: info.context.loaders.promotions.load(key),
    Kind.LOCATION: lambda key, info: info.context.loaders.locations.load(key),
    Kind.LOCALITY: lambda key, info: info.context.loaders.localities.load(key),
    Kind.CUSTOMER: lambda key, info: _own(key, info, lambda: info.context.loaders.customers.load(ME)),
    Kind.LOYALTY_ACCOUNT: _own_account,
}
