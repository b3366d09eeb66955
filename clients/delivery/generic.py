"""Delivery and locations behind our own contract, `docs/contracts/delivery.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import (
    Answer,
    BatchDecoder,
    ContractAdapter,
    EntryDecoder,
    in_batches,
    in_context,
    too_many,
)
from clients.delivery.protocol import DeliveryPromise, Location, LocationQuery, LocationsFound, PromiseKey
from clients.errors import Outcomes, SourceError
from clients.scope import InContext, Public
from clients.values import LAST_PAGE, Dataset, Problem, write_once

PROMISES_LIMIT: Final = 100
LOCATIONS_LIMIT: Final = 500
QUERIES_LIMIT: Final = 20


class _Promises(Answer):
    promises: tuple[msgspec.Raw, ...]


class _Locations(Answer):
    locations: tuple[Location, ...]


class _Results(Answer):
    results: tuple[msgspec.Raw, ...]


def refused_page(_: LocationQuery, problem: Problem) -> LocationsFound:
    """A page that says only why there is none."""
    return LocationsFound(entries=(), locations=(), total_count=0, page=LAST_PAGE, problem=problem)


def object_to_promise(key: PromiseKey, promise: DeliveryPromise) -> str | None:
    """What in a promise contradicts its question."""
    return None if promise.sku == key.sku else f"expected a promise for {key.sku!r}, got one for {promise.sku!r}"


def object_to_page(query: LocationQuery, found: LocationsFound) -> str | None:
    """What in a page of places contradicts its query or itself."""
    if any(entry.location_id not in found.by_id for entry in found.entries):
        return "expected the location of every entry, got fewer"
    return too_many(found.entries, query.first)


def refuse_promise(key: PromiseKey, problem: Problem) -> DeliveryPromise:
    """The contract has no problem for a promise: an unknown variant or place has no methods."""
    raise msgspec.ValidationError(f"expected a promise for {key.sku!r}, got the problem {problem.value}")


_PROMISES: Final = msgspec.json.Decoder(_Promises)
_PROMISE: Final = EntryDecoder[PromiseKey, DeliveryPromise](DeliveryPromise, refuse_promise, object_to_promise)
_LOCATIONS: Final = BatchDecoder(_Locations, "locations", Location)
_RESULTS: Final = msgspec.json.Decoder(_Results)
_PAGE: Final = EntryDecoder[LocationQuery, LocationsFound](LocationsFound, refused_page, object_to_page)


class GenericDelivery(ContractAdapter):
    """Fulfils `clients.delivery.protocol.Delivery`."""

    async def fetch_promises(
        self, keys: Sequence[PromiseKey], scope: InContext
    ) -> Outcomes[PromiseKey, DeliveryPromise]:
        async def fetch(some: Sequence[PromiseKey]) -> dict[PromiseKey, DeliveryPromise | SourceError]:
            answer = await self.upstream.post(
                "/v1/promises/batch", {**in_context(scope), "items": some}, _PROMISES, operation="delivery.promises"
            )
            outcomes = _PROMISE.decode_all(self, some, answer.promises)
            promises = (promise for promise in outcomes.values() if isinstance(promise, DeliveryPromise))
            write_once(promises, "freshness", self.received(answer, Dataset.DELIVERY_PROMISE))
            return outcomes

        return await in_batches(keys, PROMISES_LIMIT, fetch)

    async def fetch_locations(self, keys: Sequence[str], scope: Public) -> Outcomes[str, Location]:
        async def fetch(some: Sequence[str]) -> dict[str, Location | SourceError]:
            answer = await self.upstream.post(
                "/v1/locations/batch",
                {"language": scope.language, "ids": some},
                _LOCATIONS,
                operation="delivery.locations",
            )
            return self.known(answer, some, {location.id: location for location in answer.locations})

        return await in_batches(keys, LOCATIONS_LIMIT, fetch)

    async def search_locations(
        self, keys: Sequence[LocationQuery], scope: Public
    ) -> Outcomes[LocationQuery, LocationsFound]:
        async def fetch(some: Sequence[LocationQuery]) -> dict[LocationQuery, LocationsFound | SourceError]:
            answer = await self.upstream.post(
                "/v1/locations/search",
                {"language": scope.language, "queries": some},
                _RESULTS,
                operation="delivery.locationSearch",
            )
            return _PAGE.decode_all(self, some, answer.results)

        return await in_batches(keys, QUERIES_LIMIT, fetch)
