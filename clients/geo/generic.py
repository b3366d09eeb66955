"""Localities and addresses behind our own contract, `docs/contracts/geo.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import Answer, BatchDecoder, ContractAdapter, in_batches
from clients.errors import Outcomes, SourceError
from clients.geo.protocol import AddressesFound, AddressQuery, LocalitiesFound, Locality, LocalityQuery
from clients.scope import Public

IDS_LIMIT: Final = 200
QUERIES_LIMIT: Final = 20


class _Localities(Answer):
    localities: tuple[Locality, ...]


class _LocalityResults(Answer):
    results: tuple[LocalitiesFound, ...]


class _AddressResults(Answer):
    results: tuple[AddressesFound, ...]


_LOCALITIES: Final = BatchDecoder(_Localities, "localities", Locality)
_LOCALITY_RESULTS: Final = msgspec.json.Decoder(_LocalityResults)
_ADDRESS_RESULTS: Final = msgspec.json.Decoder(_AddressResults)


class GenericGeo(ContractAdapter):
    """Fulfils `clients.geo.protocol.Geo`."""

    async def fetch_localities(self, keys: Sequence[str], scope: Public) -> Outcomes[str, Locality]:
        async def fetch(some: Sequence[str]) -> dict[str, Locality | SourceError]:
            answer = await self.upstream.post(
                "/v1/localities/batch",
                {"language": scope.language, "ids": some},
                _LOCALITIES,
                operation="geo.localities",
            )
            return self.known(answer, some, {locality.id: locality for locality in answer.localities})

        return await in_batches(keys, IDS_LIMIT, fetch)

    async def search_localities(
        self, keys: Sequence[LocalityQuery], scope: Public
    ) -> Outcomes[LocalityQuery, LocalitiesFound]:
        async def fetch(some: Sequence[LocalityQuery]) -> dict[LocalityQuery, LocalitiesFound | SourceError]:
            answer = await self.upstream.post(
                "/v1/localities/search",
                {"language": scope.language, "queries": some},
                _LOCALITY_RESULTS,
                operation="geo.localitySearch",
            )
            return dict(self.in_order(some, answer.results))

        return await in_batches(keys, QUERIES_LIMIT, fetch)

    async def search_addresses(
        self, keys: Sequence[AddressQuery], scope: Public
    ) -> Outcomes[AddressQuery, AddressesFound]:
        async def fetch(some: Sequence[AddressQuery]) -> dict[AddressQuery, AddressesFound | SourceError]:
            answer = await self.upstream.post(
                "/v1/addresses/search",
                {"language": scope.language, "queries": some},
                _ADDRESS_RESULTS,
                operation="geo.addressSearch",
            )
            return dict(self.in_order(some, answer.results))

        return await in_batches(keys, QUERIES_LIMIT, fetch)
