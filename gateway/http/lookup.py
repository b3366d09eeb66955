"""From what a client sent to the document it means."""

from typing import Protocol

from clients.eventual import Eventual
from gateway.http.documents import Documents, Prepared
from gateway.http.errors import Code, Refused
from gateway.http.params import Params


class Lookup(Protocol):
    """Find the document that a request means: its text, a hash, or a registered id; raises Refused."""

    def find(self, params: Params) -> Eventual[Prepared]: ...


class TextLookup:
    """Documents as text only; the plainest of lookups."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def find(self, params: Params) -> Prepared:
        if params.query is None:
            raise Refused(Code.BAD_REQUEST, "Expected 'query' to be a GraphQL document; got no 'query'.")
        return self._documents.find(params.query)
