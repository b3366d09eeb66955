"""The facts of a request, as the front door finds them."""

from typing import Any

from gateway.http.documents import Documents
from gateway.http.ports import RequestFacts
from gateway.limits.guard import LimitGuard
from resolvers.context import ANONYMOUS, Viewer
from tests.resolvers.fakes import NOW_S, core_schema


def facts_of(query: str, viewer: Viewer = ANONYMOUS, *, name: str | None = None, **variables: Any) -> RequestFacts:
    """The facts of a request for the operation `name` of a document."""
    schema = core_schema()
    prepared = Documents(schema, LimitGuard(schema)).find(query)
    return RequestFacts(
        request_id="r1",
        viewer=viewer,
        headers={},
        client="127.0.0.1",
        prepared=prepared,
        operation=prepared.operation(name),
        variables=variables,
        received_at=NOW_S,
        deadline=1.0,
    )
