"""What was asked before is answered by a shorter way, and neither its reader nor the rate can tell."""

import gc
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import pytest

from gateway.http.answer import WHOLE_ANSWERS
from gateway.http.documents import Documents, Prepared
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.errors import Code, Refused
from gateway.http.lookup import DocumentLookup, TextLookup
from gateway.http.negotiation import Media
from gateway.http.origins import Origins
from gateway.http.params import Params
from gateway.http.persisted import MemoryTexts
from gateway.http.ports import RequestFacts, Result
from gateway.http.rules import EdgeRules
from gateway.http.ways import LONGEST, MOST_MET, Question, Way, Ways
from gateway.limits.guard import LimitGuard
from gateway.limits.policy import Excess, LimitPolicy, Limits, Mode
from gateway.limits.rate import ClientQuota, ClientRates, LocalBuckets, Rate, ValkeyBuckets
from resolvers.context import ANONYMOUS, Viewer
from tests.http.door import KeptJournal, Reply, knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()
TEXT = "query Hot($first: Int!) { products(first: $first) { id } }"
ASKED = {"query": TEXT, "variables": {"first": 3}}
DATA = b'{"products":[' + b",".join([b'{"id":"a product of the shop"}'] * 200) + b"]}"
ZIPPED = {"accept-encoding": "gzip"}
NOBODYS = {"x-request-id", "date"}


@dataclass
class Kept:
    body: bytes
    place: Hashable
    forms: dict[bytes, bytes] = field(default_factory=dict)


class Level:
    """An executor with a response level of one answer, which it keeps from the first request on."""

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self.executed: list[RequestFacts] = []
        self.recalled = 0

    def execute(self, facts: RequestFacts, context: Any) -> Result:
        self.executed.append(facts)
        found = self.kept
        if found is None:
            self.kept = Kept(b'{"data":' + DATA + b"}", facts.prepared.sha256)
        return Result(DATA, kept=found)

    async def subscribe(self, facts: RequestFacts, context: Any) -> Result:
        return self.execute(facts, context)

    def recall(self, place: Hashable) -> Kept | None:
        if self.kept is None or self.kept.place != place:
            return None
        self.recalled += 1
        return self.kept


def open_door(level: Level, **changes: Any) -> GraphQLEndpoint:
    return make_endpoint(SCHEMA, executor=level, recall=level.recall, **changes)


async def ask(
    door: Any, times: int = 1, asked: Mapping[str, Any] = ASKED, headers: Mapping[str, str] | None = None
) -> Reply:
    """Ask so often; the last reply."""
    replies = [await knock(door, asked, headers=headers) for _ in range(times)]
    return replies[-1]


def taking_whole(door: GraphQLEndpoint) -> Any:
    """The same door behind a server that takes answers in one piece; what it takes is read as any other answer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def unfold(message: Any) -> None:
            if message["type"] == WHOLE_ANSWERS:
                pairs = [line.split(b": ", 1) for line in message["head"].removesuffix(b"\r\n").split(b"\r\n")]
                await send({"type": "http.response.start", "status": 200, "headers": pairs})
                message = {"type": "http.response.body", "body": message["body"]}
            await send(message)

        await door({**scope, "extensions": {WHOLE_ANSWERS: {}}}, receive, unfold)

    return app


def told(reply: Reply) -> Any:
    return reply.status, reply.body, [pair for pair in reply.headers.items() if pair[0] not in NOBODYS]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"accept": "application/json"},
        {"accept-encoding": "gzip, br"},
        {"accept-encoding": "zstd"},
        {"origin": "https://shop.example"},
        {"origin": "https://elsewhere.example"},
    ],
)
async def test_the_answer_and_its_headers_are_the_same_by_every_way(headers: dict[str, str]) -> None:
    """Executed, found, recalled, and recalled in one piece: a reader cannot tell which."""
    level, rules = Level(), EdgeRules(origins=Origins(frozenset({b"https://shop.example"})))
    journal = KeptJournal()
    door = open_door(level, rules=rules, journal=journal)
    replies = [await ask(door, headers=headers) for _ in range(3)]
    replies += [await ask(taking_whole(door), headers=headers) for _ in range(2)]
    assert [told(reply) for reply in replies[1:]] == [told(replies[0])] * 4
    assert (len(level.executed), level.recalled) == (2, 3)
    assert len({reply.headers["x-request-id"] for reply in replies}) == 5
    assert {(each.operation, each.document, each.status, each.is_signed_in) for each in journal.answers} == {
        ("Hot", level.executed[0].prepared.sha256, 200, False)
    }


def recognise(headers: Mapping[bytes, bytes]) -> Viewer:
    """Whoever is named in a header of any of three kinds."""
    for name in (b"authorization", b"cookie", b"x-customer"):
        if name in headers:
            return Viewer(customer_id=headers[name].decode())
    return ANONYMOUS


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-customer"])
async def test_nobody_who_is_somebody_is_answered_from_what_visitors_get(name: str) -> None:
    """Who asks is found out each time: a customer's request is executed for that customer, by whichever way it came."""
    level = Level()
    door = open_door(level, authenticate=recognise)
    await ask(door, 3)
    assert level.recalled == 1
    for customer in ("c1", "c2", "c1", "c1"):
        await ask(door, headers={name: customer})
    assert level.recalled == 1
    assert [facts.viewer.customer_id for facts in level.executed] == [None, None, "c1", "c2", "c1", "c1"]
    await ask(door)
    assert level.recalled == 2


class CountingLookup(TextLookup):
    """Counts how often a document is looked up by its text."""

    looked_up = 0

    def find(self, params: Params) -> Prepared:
        self.looked_up += 1
        return super().find(params)


async def test_what_customers_asked_before_is_not_looked_up_again() -> None:
    """From the third time on, whoever asks; the answer is one of the whole way, its headers too."""
    level, journal = Level(), KeptJournal()
    lookup = CountingLookup(Documents(SCHEMA, LimitGuard(SCHEMA)))
    door = open_door(level, lookup=lookup, authenticate=recognise, journal=journal)
    replies = [await ask(door, headers={"authorization": f"c{number}"}) for number in range(5)]
    assert lookup.looked_up == 2
    assert [told(reply) for reply in replies[1:]] == [told(replies[0])] * 4
    assert [facts.viewer.customer_id for facts in level.executed] == [f"c{number}" for number in range(5)]
    assert {(facts.variables["first"], facts.headers[b"authorization"]) for facts in level.executed} == {
        (3, b"c%d" % number) for number in range(5)
    }
    assert {(each.operation, each.document, each.is_signed_in) for each in journal.answers} == {
        ("Hot", level.executed[0].prepared.sha256, True)
    }


async def test_what_a_customer_got_is_never_where_visitors_look() -> None:
    """A way that customers found first tells visitors nothing of where their own answers are."""
    level = Level()
    door = open_door(level, authenticate=recognise)
    await ask(door, 4, headers={"cookie": "c1"})
    assert level.recalled == 0
    await ask(door)
    assert (level.recalled, level.executed[-1].viewer) == (0, ANONYMOUS)
    await ask(door)
    assert level.recalled == 1


async def test_the_rate_and_permissions_of_customers_are_asked_every_time() -> None:
    """By a way too, and in the name of whoever asks."""
    clock = lambda: 1000.0  # noqa: E731
    rates = ClientRates(requests=Rate(per_s=0.001, burst=3), cost=Rate(per_s=0.001, burst=1e6))
    permissions = Closing()
    quota = ClientQuota(LocalBuckets(clock), rates)
    door = open_door(Level(), quota=quota, permissions=permissions, authenticate=recognise)
    assert (await ask(door, 3, headers={"authorization": "c1"})).status == 200
    assert (await ask(door, headers={"authorization": "c1"})).codes == ["RATE_LIMITED"]
    permissions.is_open = False
    assert (await ask(door, headers={"authorization": "c2"})).status == 401


async def test_a_mutation_goes_the_whole_way() -> None:
    """What changes something is read, found and checked each time."""
    lookup = CountingLookup(Documents(SCHEMA, LimitGuard(SCHEMA)))
    door = open_door(Level(), lookup=lookup)
    await ask(door, 4, {"query": "mutation { ring }"})
    assert lookup.looked_up == 4
    assert len(door._ways) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"variables": {"first": 4}},
        {"operationName": "Hot"},
        {"query": f"{TEXT} "},
    ],
)
async def test_another_question_goes_its_own_way(changed: dict[str, Any]) -> None:
    """Only the very same bytes are the same question; what they accept is part of it."""
    level = Level()
    door = open_door(level)
    await ask(door, 3)
    await ask(door, asked={**ASKED, **changed})
    assert level.recalled == 1
    await ask(door, headers={"accept": "text/event-stream"})
    assert level.recalled == 1


async def test_what_is_gone_is_made_anew() -> None:
    """The level decides whether an answer may still be served; a way to nothing leads through execution again."""
    level = Level()
    door = open_door(level)
    await ask(door, 3)
    level.kept = None
    await ask(door)
    assert len(level.executed) == 3
    await ask(door)
    assert (len(level.executed), level.recalled) == (3, 2)


class Valkey:
    """A shared store that grants everything and counts what it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    async def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> str:
        self.asked += 1
        return "0"


async def test_every_request_is_counted_and_charged() -> None:
    """The rate ends at the same request, whichever way the ones before it went; by every kind of bucket."""
    clock = lambda: 1000.0  # noqa: E731
    rates = ClientRates(requests=Rate(per_s=0.001, burst=5), cost=Rate(per_s=0.001, burst=1e6))
    door = open_door(Level(), quota=ClientQuota(LocalBuckets(clock), rates), journal=(journal := KeptJournal()))
    assert (await ask(door, 5)).status == 200
    refused = await ask(door)
    assert (refused.status, refused.codes) == (429, ["RATE_LIMITED"])
    assert (journal.answers[-1].operation, journal.answers[-1].codes) == (None, ("RATE_LIMITED",))

    dear = ClientRates(requests=Rate(per_s=1e6, burst=1e6), cost=Rate(per_s=0.001, burst=5 * 31))
    assert (await ask(open_door(Level(), quota=ClientQuota(LocalBuckets(clock), dear)), 5)).status == 200
    valkey = Valkey()
    shared = open_door(Level(), quota=ClientQuota(ValkeyBuckets(valkey, clock), dear))
    await ask(shared, 4)
    assert valkey.asked == 8


async def test_what_is_too_much_is_reported_every_time() -> None:
    """While limits are only measured, a hot page beyond them is reported as often as it is asked for."""
    reported: list[list[Excess]] = []
    policy = LimitPolicy(Limits(page=2), mode=Mode.MEASURE)
    guard = LimitGuard(SCHEMA, policy, lambda _sha256, excess: reported.append(excess))
    level = Level()
    door = open_door(level, lookup=TextLookup(Documents(SCHEMA, guard)))
    await ask(door, 4)
    assert level.recalled == 2
    assert [[each.limit for each in excess] for excess in reported] == [["page"]] * 4


class Closing:
    """Permissions that are withdrawn at some moment."""

    is_open = True

    def check(self, prepared: Any, operation: Any, viewer: Viewer) -> None:
        if not self.is_open:
            raise Refused(Code.UNAUTHENTICATED, "Expected a token; got none.")


async def test_permissions_are_asked_every_time() -> None:
    """A way leads past no permission."""
    permissions = Closing()
    door = open_door(Level(), permissions=permissions)
    assert (await ask(door, 3)).status == 200
    permissions.is_open = False
    assert (await ask(door)).status == 401


async def test_a_form_is_made_once() -> None:
    """A compressed body is kept with the answer, and goes with it; what grows by it is not kept."""
    level = Level()
    door = open_door(level)
    await ask(door, 3, headers=ZIPPED)
    assert level.kept is not None
    form = level.kept.forms[b"gzip"]
    assert (await ask(door, headers=ZIPPED)).body is form
    level.kept.forms = {b"br": level.kept.body}
    await ask(door, headers=ZIPPED)
    assert set(level.kept.forms) == {b"br"}


@pytest.mark.parametrize("is_text", [True, False])
async def test_a_text_with_its_hash_goes_the_whole_way(is_text: bool) -> None:
    """Such a request has another effect than its answer: the text is kept for those who send the hash alone."""
    level = Level()
    documents = Documents(SCHEMA, LimitGuard(SCHEMA))
    door = open_door(level, lookup=DocumentLookup(documents, texts=MemoryTexts()))
    sha256 = documents.find(TEXT).sha256
    by_hash: dict[str, Any] = {**ASKED, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256}}}
    if not is_text:
        del by_hash["query"]
    await ask(door, 4, by_hash)
    assert level.recalled == (0 if is_text else 2)


async def test_a_forgotten_document_takes_its_ways_along() -> None:
    """A way holds no document: what `Documents` lets go of is gone."""
    documents = Documents(SCHEMA, LimitGuard(SCHEMA), max_characters=len(TEXT))
    level = Level()
    door = open_door(level, lookup=TextLookup(documents))
    await ask(door, 3)
    level.executed.clear()
    documents.find("{hello}")
    gc.collect()
    assert len(door._ways) == 1
    assert (await ask(door)).status == 200
    assert (level.recalled, len(level.executed)) == (1, 1)


async def test_a_hot_document_stays() -> None:
    """Who is answered by a way keeps the document in use: others are forgotten before it."""
    documents = Documents(SCHEMA, LimitGuard(SCHEMA), max_characters=len(TEXT) + 40)
    level = Level()
    door = open_door(level, lookup=TextLookup(documents))
    for number in range(10):
        await ask(door, 3)
        documents.find(f'{{ hello(name: "{number}") }}')
    assert level.recalled == 28


def way_to(documents: Documents, source: str = "{hello}") -> Way:
    prepared = documents.find(source)
    return Way(ref(prepared), prepared.sha256, None, {}, "place", Media.JSON)


def test_ways_are_bounded() -> None:
    """A million questions do not fill the memory; those asked last stay, and long ones are not remembered."""
    documents, ways = Documents(SCHEMA, LimitGuard(SCHEMA)), Ways(max_bytes=100_000)
    way = way_to(documents)
    questions: list[Question] = [(b"%05d" % number, None) for number in range(1_000)]
    for question in questions:
        ways.remember(question, way)
        ways.find(questions[0])
    assert 10 < len(ways) < 50
    assert ways.find(questions[0]) is way
    assert ways.find(questions[1]) is None
    ways.remember((b"x" * (LONGEST + 1), None), way)
    assert ways.find((b"x" * (LONGEST + 1), None)) is None


def test_what_was_asked_once_is_not_remembered_for_ever() -> None:
    """Of some thousands it is known that they were asked; what comes again after those is asked for the first time."""
    ways = Ways()
    assert not ways.has_met((b"body", None))
    assert ways.has_met((b"body", None))
    assert not ways.has_met((b"body", b"text/event-stream"))
    for number in range(MOST_MET):
        ways.has_met((b"%d" % number, None))
    assert not ways.has_met((b"body", None))
