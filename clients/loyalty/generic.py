"""The loyalty programme behind our own contract, `docs/contracts/loyalty.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import (
    Answer,
    BatchDecoder,
    ContractAdapter,
    EntryDecoder,
    for_customer,
    in_batches,
    too_many,
)
from clients.errors import Outcomes, SourceError
from clients.loyalty.protocol import (
    ACCOUNT,
    EstimateKey,
    HistoryKey,
    LoyaltyAccount,
    PointsEstimate,
    PointsHistory,
    PointsMovementKind,
)
from clients.scope import ForCustomer, OfCustomer
from clients.values import LAST_PAGE, Dataset, Problem, Value, write_once

QUERIES_LIMIT: Final = 20
ESTIMATES_LIMIT: Final = 1000


class _Accounts(Answer):
    accounts: tuple[LoyaltyAccount, ...]


class _HistoryQuery(Value, omit_defaults=True):
    customer_id: str
    first: int
    after: str | None = None
    kinds: tuple[PointsMovementKind, ...] = ()


class _Results(Answer):
    results: tuple[msgspec.Raw, ...]


class _Estimates(Answer):
    estimates: tuple[PointsEstimate, ...]


def refused_history(_: HistoryKey, problem: Problem) -> PointsHistory:
    """A page that says only why there is none."""
    return PointsHistory(entries=(), page=LAST_PAGE, problem=problem)


_ACCOUNTS: Final = msgspec.json.Decoder(_Accounts)
_RESULTS: Final = msgspec.json.Decoder(_Results)
_HISTORY: Final = EntryDecoder[HistoryKey, PointsHistory](
    PointsHistory, refused_history, lambda key, history: too_many(history.entries, key.first)
)
_ESTIMATES: Final = BatchDecoder(_Estimates, "estimates", PointsEstimate)


class GenericLoyalty(ContractAdapter):
    """Fulfils `clients.loyalty.protocol.Loyalty`."""

    async def fetch_accounts(self, keys: Sequence[str], scope: OfCustomer) -> Outcomes[str, LoyaltyAccount]:
        async def fetch(_: Sequence[str]) -> dict[str, LoyaltyAccount | SourceError]:
            answer = await self.upstream.post(
                "/v1/accounts/batch",
                {"language": scope.language, "customerIds": [scope.customer_id]},
                _ACCOUNTS,
                operation="loyalty.accounts",
            )
            write_once(answer.accounts, "freshness", self.received(answer, Dataset.LOYALTY_ACCOUNT))
            own = [account for account in answer.accounts if account.customer_id == scope.customer_id]
            return {ACCOUNT: own[0]} if own else {}

        return await in_batches(keys, 1, fetch)

    async def fetch_history(self, keys: Sequence[HistoryKey], scope: OfCustomer) -> Outcomes[HistoryKey, PointsHistory]:
        async def fetch(some: Sequence[HistoryKey]) -> dict[HistoryKey, PointsHistory | SourceError]:
            queries = [
                _HistoryQuery(customer_id=scope.customer_id, first=key.first, after=key.after, kinds=key.kinds)
                for key in some
            ]
            answer = await self.upstream.post(
                "/v1/history/batch",
                {"language": scope.language, "queries": queries},
                _RESULTS,
                operation="loyalty.history",
            )
            outcomes = _HISTORY.decode_all(self, some, answer.results)
            pages = (page for page in outcomes.values() if isinstance(page, PointsHistory))
            write_once(pages, "freshness", self.received(answer, Dataset.POINTS_HISTORY))
            return outcomes

        return await in_batches(keys, QUERIES_LIMIT, fetch)

    async def fetch_estimates(
        self, keys: Sequence[EstimateKey], scope: ForCustomer
    ) -> Outcomes[EstimateKey, PointsEstimate]:
        async def fetch(some: Sequence[EstimateKey]) -> dict[EstimateKey, PointsEstimate | SourceError]:
            answer = await self.upstream.post(
                "/v1/estimates/batch",
                {**for_customer(scope), "items": some},
                _ESTIMATES,
                operation="loyalty.estimates",
            )
            if scope.customer_id is None and any(estimate.is_personal for estimate in answer.estimates):
                raise self.broken("a personal estimate for an anonymous visitor")
            write_once(answer.estimates, "freshness", self.received(answer, Dataset.POINTS_ESTIMATE))
            found = {EstimateKey(sku=each.sku, quantity=each.quantity): each for each in answer.estimates}
            return self.known(answer, some, found)

        return await in_batches(keys, ESTIMATES_LIMIT, fetch)
