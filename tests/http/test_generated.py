"""Generated operations: whatever fits the schema, nothing is a fault of ours."""

import asyncio
import os

from graphql import print_schema
from hypothesis import HealthCheck, given, settings
from hypothesis_graphql import from_schema

from tests.http.door import KeptJournal, knock, make_endpoint
from tests.http.shop import SECRET, make_schema

SCHEMA = make_schema()
EXAMPLES = int(os.environ.get("GENERATED_OPERATIONS", "60"))
GENERATED = from_schema(print_schema(SCHEMA).replace("slow(seconds: Float! = 0.2)", "slow"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(GENERATED)
def test_generated_operations_are_no_faults(query: str) -> None:
    """Operations made from the schema are answered or refused; the only fault is the one planted in `boom`."""
    journal = KeptJournal()
    reply = asyncio.run(knock(make_endpoint(SCHEMA, journal=journal), {"query": query}))
    assert reply.status < 500
    assert SECRET not in reply.body.decode()
    assert all(SECRET in str(fault) for fault in journal.faults)
