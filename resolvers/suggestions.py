"""What to suggest while a query is typed."""

from collections.abc import Sequence

from clients.catalogue import protocol as catalogue
from clients.search import protocol as search
from resolvers.category import Category, load_categories
from resolvers.context import Info
from resolvers.fields import Outcomes, batch, describes, plain
from resolvers.freshness import Freshness, Sourced
from resolvers.hydration import load_products
from resolvers.labels import Brand
from resolvers.references import AProduct


@describes(search.Suggestions)
class SearchSuggestions(Sourced):
    """What to suggest while a query is typed."""

    queries: list[str] = plain("Completed queries.")

    @batch(list[Category])
    @staticmethod
    def categories(suggestions: Sequence[search.Suggestions], info: Info, /) -> Outcomes[list[catalogue.Category]]:
        """Matching categories."""
        return load_categories([suggested.category_ids for suggested in suggestions], info)

    brands: list[Brand] = plain("Matching brands.")

    @batch(list[AProduct])
    @staticmethod
    def products(suggestions: Sequence[search.Suggestions], info: Info, /) -> Outcomes[list[catalogue.Product]]:
        """Matching products."""
        return load_products([suggested.product_ids for suggested in suggestions], info)

    freshness: Freshness = plain("When the index answered.")
