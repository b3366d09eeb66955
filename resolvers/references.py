"""Types that are described in other rooms, by name.

Domains mention each other in circles (a product has recommendations, which are products). Python's
imports stay one-way because those mentions go through these references.
"""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from resolvers.listing import ProductConnection
    from resolvers.product import Product, ProductVariant

AProduct = Annotated["Product", strawberry.lazy("resolvers.product")]
AVariant = Annotated["ProductVariant", strawberry.lazy("resolvers.product")]
Products = Annotated["ProductConnection", strawberry.lazy("resolvers.listing")]
