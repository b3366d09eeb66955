"""Fields that need a scope: by whatever way they are asked for, and by nobody else."""

import pytest
from graphql import build_schema, parse

from gateway.http.documents import Documents
from gateway.http.errors import Code, Refused
from gateway.identity.bearer import viewer_of
from gateway.identity.permissions import FieldPermissions, UnknownField
from gateway.limits.guard import LimitGuard
from resolvers.context import ANONYMOUS, Viewer

SCHEMA = build_schema(
    """
    interface Node { id: ID! note: String }
    interface Named { note: String }
    type Customer implements Node { id: ID! note: String orders: [Order!]! name: String }
    type Order implements Node & Named { id: ID! note: String total: Int }
    union Found = Customer | Order
    type Query { me: Customer node: Node named: Named found: Found shop: String }
    """
)
NEEDS = {"Customer.orders": "orders.read", "Order.note": "notes.read"}
READER = Viewer(customer_id="c-1", scopes=frozenset({"orders.read", "notes.read"}))
CUSTOMER = Viewer(customer_id="c-1", scopes=frozenset({"orders.write"}))

CLOSED = {
    "straight": "{ me { orders { total } } }",
    "by another name": "{ me { name: orders { total } } }",
    "in an inline fragment": "{ node { ... on Customer { orders { total } } } }",
    "in a fragment of a fragment": """
        { me { ...A } } fragment A on Customer { ...B } fragment B on Customer { orders { total } }
    """,
    "in a union": "{ found { ... on Order { note } } }",
    "through an interface": "{ node { note } }",
    "through another interface": "{ named { note } }",
    "where it is skipped": "query ($no: Boolean!) { me { orders @skip(if: $no) { total } } }",
}
OPEN = {
    "another field": "{ me { name id } shop }",
    "the same name on another type": "{ me { note } }",
    "another operation of the document": "query Asked { shop } query Other { me { orders { total } } }",
    "a fragment of another operation": """
        query Asked { shop } query Other { me { ...A } } fragment A on Customer { orders { id } }
    """,
}


def check(text: str, viewer: Viewer, needs: dict[str, str] | None = None) -> None:
    permissions = FieldPermissions(SCHEMA, NEEDS if needs is None else needs)
    prepared = Documents(SCHEMA, LimitGuard(SCHEMA)).find(text)
    operation = prepared.operation("Asked" if "Asked" in text else None)
    for _ in range(2):
        permissions.check(prepared, operation, viewer)


@pytest.mark.parametrize("text", CLOSED.values(), ids=CLOSED)
def test_a_field_is_closed_by_whatever_way_it_is_asked_for(text: str) -> None:
    """Names, fragments and interfaces are no way around, and whoever has the scope is not stopped."""
    with pytest.raises(Refused) as refused:
        check(text, CUSTOMER)
    assert refused.value.code is Code.FORBIDDEN
    check(text, READER)
    check(text, CUSTOMER, {})


@pytest.mark.parametrize("text", OPEN.values(), ids=OPEN)
def test_nothing_else_is_closed(text: str) -> None:
    """Only what the operation itself asks for counts."""
    assert parse(text)
    check(text, CUSTOMER)
    check(text, ANONYMOUS)


def test_strangers_are_asked_to_sign_in_and_customers_told_what_lacks() -> None:
    """RFC 6750, 3.1."""
    with pytest.raises(Refused, match=r"scope 'orders\.read' for Customer\.orders; got none") as stranger:
        check(CLOSED["straight"], ANONYMOUS)
    assert stranger.value.code is Code.UNAUTHENTICATED
    assert dict(stranger.value.headers)[b"www-authenticate"] == b'Bearer scope="orders.read"'
    with pytest.raises(Refused, match="got one without it") as customer:
        check(CLOSED["straight"], CUSTOMER)
    expected = b'Bearer error="insufficient_scope", scope="orders.read"'
    assert dict(customer.value.headers)[b"www-authenticate"] == expected


@pytest.mark.parametrize("coordinate", ["Customer.nope", "Nope.id", "Customer", "Found.id", "", "ID.x"])
def test_a_field_that_is_not_there_is_named(coordinate: str) -> None:
    """A slip is told at start."""
    with pytest.raises(UnknownField, match=f"got '{coordinate}'"):
        FieldPermissions(SCHEMA, {coordinate: "any"})


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("orders.read notes.read", {"orders.read", "notes.read"}), ("", set()), (None, set()), (["orders.read"], set())],
)
def test_scopes_are_those_of_the_token(scope: object, expected: set[str]) -> None:
    """RFC 8693, 4.2: one text, parted by spaces; whatever else it is allows nothing."""
    assert viewer_of({"sub": "c-1", "scope": scope}).scopes == expected
