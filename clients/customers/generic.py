"""Customer profiles behind our own contract, `docs/contracts/customers.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import Answer, ContractAdapter, in_batches
from clients.customers.protocol import ME, Customer
from clients.errors import Outcomes, SourceError
from clients.scope import OfCustomer


class _Customers(Answer):
    customers: tuple[Customer, ...]


_CUSTOMERS: Final = msgspec.json.Decoder(_Customers)


class GenericCustomers(ContractAdapter):
    """Fulfils `clients.customers.protocol.Customers`."""

    async def fetch_customers(self, keys: Sequence[str], scope: OfCustomer) -> Outcomes[str, Customer]:
        async def fetch(_: Sequence[str]) -> dict[str, Customer | SourceError]:
            answer = await self.upstream.post(
                "/v1/customers/batch", {"ids": [scope.customer_id]}, _CUSTOMERS, operation="customers.customers"
            )
            own = [customer for customer in answer.customers if customer.id == scope.customer_id]
            return {ME: own[0]} if own else {}

        return await in_batches(keys, 1, fetch)
