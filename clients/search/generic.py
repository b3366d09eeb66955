"""Search behind our own contract, `docs/contracts/search.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import Answer, ContractAdapter, EntryDecoder, in_batches, in_context, too_many
from clients.errors import Outcomes, SourceError
from clients.scope import InContext
from clients.search.protocol import Listing, ListingKey, SuggestionKey, Suggestions
from clients.values import LAST_PAGE, Dataset, Problem, write_once

BATCH_LIMIT: Final = 20


class _Listings(Answer):
    listings: tuple[msgspec.Raw, ...]


class _Suggestions(Answer):
    suggestions: tuple[Suggestions, ...]


def refused_listing(_: ListingKey, problem: Problem) -> Listing:
    """A listing that says only why there is none."""
    return Listing(hits=(), total_count=0, page=LAST_PAGE, facets=(), problem=problem)


_LISTINGS: Final = msgspec.json.Decoder(_Listings)
_LISTING: Final = EntryDecoder[ListingKey, Listing](
    Listing, refused_listing, lambda key, listing: too_many(listing.hits, key.first)
)
_SUGGESTIONS: Final = msgspec.json.Decoder(_Suggestions)


class GenericSearch(ContractAdapter):
    """Fulfils `clients.search.protocol.Search`."""

    async def fetch_listings(self, keys: Sequence[ListingKey], scope: InContext) -> Outcomes[ListingKey, Listing]:
        async def fetch(some: Sequence[ListingKey]) -> dict[ListingKey, Listing | SourceError]:
            answer = await self.upstream.post(
                "/v1/listings/batch",
                {**in_context(scope), "queries": some},
                _LISTINGS,
                operation="search.listings",
            )
            outcomes = _LISTING.decode_all(self, some, answer.listings)
            listings = (listing for listing in outcomes.values() if isinstance(listing, Listing))
            write_once(listings, "freshness", self.received(answer, Dataset.LISTING))
            return outcomes

        return await in_batches(keys, BATCH_LIMIT, fetch)

    async def fetch_suggestions(
        self, keys: Sequence[SuggestionKey], scope: InContext
    ) -> Outcomes[SuggestionKey, Suggestions]:
        async def fetch(some: Sequence[SuggestionKey]) -> dict[SuggestionKey, Suggestions | SourceError]:
            answer = await self.upstream.post(
                "/v1/suggestions/batch",
                {**in_context(scope), "queries": some},
                _SUGGESTIONS,
                operation="search.suggestions",
            )
            write_once(answer.suggestions, "freshness", self.received(answer, Dataset.SUGGESTION))
            return dict(self.in_order(some, answer.suggestions))

        return await in_batches(keys, BATCH_LIMIT, fetch)
