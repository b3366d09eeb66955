"""The recommender behind our own contract, `docs/contracts/recommendations.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import Answer, ContractAdapter, EntryDecoder, for_customer, in_batches, too_many
from clients.errors import Outcomes, SourceError
from clients.recommendations.placements import refused_block
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.scope import ForCustomer
from clients.values import Dataset, write_once

BATCH_LIMIT: Final = 20


class _Blocks(Answer):
    blocks: tuple[msgspec.Raw, ...]


def decide_objection(key: BlockKey, block: RecommendationBlock) -> str | None:
    """What in a block contradicts its query."""
    if block.placement != key.placement:
        return f"expected a block for {key.placement!r}, got one for {block.placement!r}"
    return too_many(block.items, key.first)


_BLOCKS: Final = msgspec.json.Decoder(_Blocks)
_BLOCK: Final = EntryDecoder[BlockKey, RecommendationBlock](RecommendationBlock, refused_block, decide_objection)


class GenericRecommendations(ContractAdapter):
    """Fulfils `clients.recommendations.protocol.Recommendations`."""

    async def fetch_blocks(
        self, keys: Sequence[BlockKey], scope: ForCustomer
    ) -> Outcomes[BlockKey, RecommendationBlock]:
        async def fetch(some: Sequence[BlockKey]) -> dict[BlockKey, RecommendationBlock | SourceError]:
            answer = await self.upstream.post(
                "/v1/blocks/batch",
                {**for_customer(scope), "blocks": some},
                _BLOCKS,
                operation="recommendations.blocks",
            )
            outcomes = _BLOCK.decode_all(self, some, answer.blocks)
            blocks = (block for block in outcomes.values() if isinstance(block, RecommendationBlock))
            write_once(blocks, "freshness", self.received(answer, Dataset.RECOMMENDATION))
            return outcomes

        return await in_batches(keys, BATCH_LIMIT, fetch)
