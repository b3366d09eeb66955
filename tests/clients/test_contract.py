"""One suite over all adapters: they keep to the published contract, and survive an upstream that does not.

A new adapter of a domain joins by its row in `cases.py`.
"""

import datetime as dt
import json

import httpx
import msgspec
import pytest

from clients.errors import InvalidSourceResponse, SourceError, SourceUnavailable
from clients.values import Sourced
from tests.clients.cases import CASES, NOW, Case
from tests.clients.published import CONTRACTS, Json, Publisher, document, lost, mutations, validator

BATCHES = [case for case in CASES if case.many]
IN_ORDER = [case for case in CASES if case.is_in_order]
BY_KEY = [case for case in BATCHES if not case.is_in_order]

each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_batch = pytest.mark.parametrize("case", BATCHES, ids=str)
each_in_order = pytest.mark.parametrize("case", IN_ORDER, ids=str)
each_by_key = pytest.mark.parametrize("case", BY_KEY, ids=str)


def test_every_operation_has_an_adapter() -> None:
    """An operation that is added to the contract must be spoken by somebody."""
    published = {
        described["operationId"]
        for path in CONTRACTS.glob("*.yaml")
        for methods in document(path.stem)["paths"].values()
        for described in methods.values()
    }

    assert published - {"health"} == {case.operation_id for case in CASES}


@each_case
async def test_request_fits_the_contract(case: Case) -> None:
    """What we send validates against the published schema and bears the key; guards can tell what it is."""
    publisher = Publisher(case.operation)

    await case.ask(publisher)

    (request,) = publisher.requests
    assert case.operation.objections(request) == []
    assert request.headers["authorization"] == "Bearer key-of-the-gateway"
    assert request.extensions["operation"] == case.operation_id
    assert request.extensions["idempotent"] is True


@each_case
async def test_nothing_of_an_answer_is_lost(case: Case) -> None:
    """Every field that the contract knows, optional ones too, is found again in the value."""
    answer = case.operation.example
    assert validator(case.operation.domain, case.operation.answer_schema).is_valid(answer)

    value = await case.ask_for(answer)

    assert not isinstance(value, SourceError), value.detail
    assert lost(case.written(answer), json.loads(msgspec.json.encode(value))) == []


@each_case
async def test_value_says_where_it_is_from(case: Case) -> None:
    """A sourced value has the source's own moment and ours."""
    answer = case.operation.example

    value = await case.ask_for(answer)

    if isinstance(value, Sourced):
        assert value.freshness.source.value == case.operation.domain.upper()
        assert value.freshness.observed_at == dt.datetime.fromisoformat(answer["observedAt"])
        assert value.freshness.received_at == NOW
        assert not value.freshness.is_fallback


@each_case
async def test_broken_answer_is_an_error_and_nothing_else(case: Case) -> None:
    """Take away or twist any one field: an optional one may be missing, anything else is no value."""
    for done, answer, is_right in mutations(
        case.operation.domain, case.operation.answer_schema, case.operation.example
    ):
        outcome = await case.ask_for(answer)
        if is_right and not done.endswith("parentId"):  # which says something by being absent: see test_catalogue
            assert outcome is not None, done
            assert not isinstance(outcome, SourceError), (done, outcome.detail)
        else:
            assert isinstance(outcome, InvalidSourceResponse), (done, outcome)


@each_batch
async def test_batch_is_split_at_the_limit(case: Case) -> None:
    """More keys than the contract's limit go out in calls that each keep to it."""
    publisher = Publisher(case.operation, empty_answer(case, case.limit), empty_answer(case, 1))

    await case.ask(publisher, case.keys)

    assert len(publisher.requests) == 2
    assert [error for request in publisher.requests for error in case.operation.objections(request)] == []


@each_batch
async def test_limit_is_the_contract_s(case: Case) -> None:
    """As many keys as the contract takes go out in one call."""
    publisher = Publisher(case.operation, empty_answer(case, case.limit))

    await case.ask(publisher, case.keys[: case.limit])

    assert len(publisher.requests) == 1


@each_batch
async def test_failed_call_fails_its_own_keys_only(case: Case) -> None:
    """When one of two calls fails, the keys of the other are answered."""
    publisher = Publisher(case.operation, httpx.Response(503), empty_answer(case, 1))

    outcomes = await case.ask(publisher, case.keys)

    failed = [key for key, outcome in outcomes.items() if isinstance(outcome, SourceUnavailable)]
    assert failed == case.keys[: case.limit]
    assert not isinstance(outcomes.get(case.keys[-1]), SourceError)


@each_case
async def test_nothing_asked_is_nothing_sent(case: Case) -> None:
    """No keys, no call."""
    publisher = Publisher(case.operation)

    assert await case.ask(publisher, []) == {}
    assert publisher.requests == []


@each_batch
async def test_key_is_asked_once(case: Case) -> None:
    """Asking twice for a thing in one batch mentions it once."""
    publisher = Publisher(case.operation)

    outcomes = await case.ask(publisher, [case.key, case.key])

    once = Publisher(case.operation)
    await case.ask(once)
    assert publisher.requests[0].content == once.requests[0].content
    assert list(outcomes) == [case.key]


@each_by_key
async def test_unknown_key_is_absent(case: Case) -> None:
    """What the source does not mention does not exist."""
    outcomes = await case.ask(Publisher(case.operation), [case.key, case.keys[0]])

    assert list(outcomes) == [case.key]


@each_by_key
async def test_what_nobody_asked_for_is_ignored(case: Case) -> None:
    """An answer about other keys gives nothing away."""
    assert await case.ask(Publisher(case.operation), [case.keys[0]]) == {}


@each_by_key
async def test_broken_entry_costs_itself_only(case: Case) -> None:
    """Beside an entry that breaks the contract the others are kept, and nothing missing is called absent."""
    assert case.items is not None
    answer = case.operation.example
    answer[case.items] = [{}, *answer[case.items]]

    outcomes = await case.ask(Publisher(case.operation, answer), [case.key, case.keys[0]])

    assert not isinstance(outcomes[case.key], SourceError)
    assert isinstance(outcomes[case.keys[0]], InvalidSourceResponse)


@each_in_order
@pytest.mark.parametrize("surplus", [-1, 1])
async def test_answer_of_another_length_is_no_answer(case: Case, surplus: int) -> None:
    """With an entry too few or too many nobody knows which belongs to which query."""
    outcomes = await case.ask(Publisher(case.operation, empty_answer(case, 3 + surplus)), case.keys[:3])

    assert [type(outcome) for outcome in outcomes.values()] == [InvalidSourceResponse] * 3


@each_case
async def test_source_error_is_the_value(case: Case) -> None:
    """A method never raises for a source that fails: its keys have the error."""
    outcomes = await case.ask(Publisher(case.operation, httpx.Response(500, text="Traceback of the vendor")))

    (error,) = outcomes.values()
    assert isinstance(error, SourceUnavailable)
    assert "vendor" not in f"{error} {error.extensions}"


@each_case
@pytest.mark.parametrize(
    "garbage",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"observedAt":', b"\xff\xfe", b"[" * 100_000, b'{"x":' + b"[" * 100_000],
    ids=["empty", "html", "null", "list", "object", "cut", "not utf-8", "nested", "nested in a field"],
)
async def test_garbage_is_an_invalid_response(case: Case, garbage: bytes) -> None:
    """Whatever bytes come, the outcome is one of our errors."""
    answer = httpx.Response(200, content=garbage, headers={"content-type": "application/json"})

    assert isinstance(await case.ask_for(answer), InvalidSourceResponse)


def empty_answer(case: Case, queries: int) -> Json:
    """An answer that knows none of the keys, or the example's entry for each of the queries."""
    answer = case.operation.example
    entries = answer[case.items]
    return {**answer, case.items: [entries[0]] * queries if case.is_in_order else []}
