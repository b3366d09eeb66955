"""Drafts: filled in for another customer, the answer is the one that a whole run would give."""

import asyncio
import inspect
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from graphql import parse

from gateway.execution import Draft, Request, Sketch, Written, compile_plan
from tests.execution.shop import Context, Money, Shop, Tile, tiles

NEVER_NULL = {"Tile.stock", "Query.tiles"}
SOMETIMES = 0.3
PRICES = "{ tiles { id price { amount } title } }"
FIELDS = ("Tile.price", "Tile.stock", "Tile.related", "Query.tiles", "Query.tile", "Money.tile")


class Market:
    """A shop in which some batch fields ask for what is a customer's own, and count that as loaders do.

    What everybody gets alike is the same object each time, as from a cache. `late` fields answer after a
    turn of the loop, `failing` ones fail for parents whose id ends with 0.
    """

    def __init__(self, *personal: str) -> None:
        self.shop = Shop()
        self.customer = "anna"
        self.personal = set(personal)
        self.late: set[str] = set()
        self.failing: set[str] = set()
        self.count = 0
        self.shared: dict[Any, Any] = {}
        for place in FIELDS:
            self.shop.batch(place, self._answers(place))

    def _answers(self, place: str) -> Any:
        def answer(parents: Sequence[Any], **_: Any) -> Any:
            is_personal = place in self.personal
            self.count += is_personal
            owner = self.customer if is_personal else None
            outcomes = [self._outcome(place, owner, getattr(parent, "id", "0")) for parent in parents]
            return _late(outcomes) if place in self.late else outcomes

        return answer

    def _outcome(self, place: str, owner: str | None, parent: str) -> Any:
        if place in self.failing and parent.endswith("0"):
            return ValueError(f"no {place}")
        if owner is not None:
            return _value(place, owner, parent)
        key = (place, parent)
        if key not in self.shared:
            self.shared[key] = _value(place, "everybody", parent)
        return self.shared[key]

    def plan(self, query: str) -> Any:
        return compile_plan(self.shop.schema, parse(query), is_trusted=True)

    def request(self, customer: str, sketch: Sketch | None = None) -> Request:
        self.customer = customer
        return Request(context_value=Context(), sketch=sketch)

    def sketch(self, plan: Any, customer: str = "anna") -> Sketch:
        """What was found out of a run for a customer."""
        sketch = Sketch(lambda: self.count)
        settled(plan.write(self.request(customer, sketch)))
        return sketch

    def draft(self, plan: Any, customer: str = "anna") -> Draft:
        made = self.sketch(plan, customer).draft
        assert made is not None
        return made


async def _late(outcomes: list[Any]) -> list[Any]:
    await asyncio.sleep(0)
    return outcomes


def _value(place: str, owner: str, parent: str) -> Any:
    """What a field says to its owner of a parent; everything follows from these three."""
    rnd = Random(f"{place}{owner}{parent}")
    if place == "Tile.stock":
        return rnd.randrange(1000)
    if place == "Tile.price":
        return Money(amount=rnd.randrange(1000))
    made = tiles(*(f"{parent}{owner[0]}{n}" for n in range(rnd.randrange(1, 4))))
    return made[0] if place in ("Query.tile", "Money.tile") else made


def settled(outcome: Any) -> Any:
    async def wait() -> Any:
        return await outcome

    return asyncio.run(wait()) if inspect.isawaitable(outcome) else outcome


def told(written: Written | None) -> Any:
    """What an answer says, and what failed; errors in no order, because what comes late fails late."""
    assert written is not None
    failed = sorted((error.message, str(error.path)) for error in written.errors or ())
    return json.loads(written.data), failed


def test_the_next_customer_gets_their_own_answer() -> None:
    """Only what is personal is asked for again; the bytes are those of a whole run."""
    market = Market("Tile.price")
    plan = market.plan(PRICES)
    whole = {who: settled(plan.write(market.request(who))).data for who in ("anna", "boris")}
    assert whole["anna"] != whole["boris"]
    draft = market.draft(plan)
    market.shop.asked.clear()
    for who in ("boris", "anna"):
        assert settled(draft.fill(market.request(who))).data == whole[who]
    assert {field for field, _ in market.shop.asked} == {"price"}


def test_a_draft_holds_nothing_personal() -> None:
    """What the first customer was told is in none of its pieces."""
    market = Market("Tile.price")
    market.customer = "anna"
    plan = market.plan(PRICES)
    amounts = [
        f'"amount":{tile["price"]["amount"]}'
        for tile in json.loads(settled(plan.write(market.request("anna"))).data)["tiles"]
    ]
    written = b"".join(piece for slot, piece in enumerate(market.draft(plan)._pieces) if not slot % 2).decode()
    assert amounts
    assert not any(amount in written for amount in amounts)


def test_what_is_read_outside_of_batch_fields_gives_no_draft() -> None:
    """A resolver that asks for something personal by itself: nobody could tell where that went."""
    market = Market("Tile.price")

    def title(tile: Tile, _info: Any) -> str:
        market.count += 1
        return f"{tile.title} for {market.customer}"

    market.shop.schema.type_map["Tile"].fields["title"].resolve = title  # type: ignore[attr-defined]
    sketch = market.sketch(market.plan(PRICES))
    assert sketch.draft is None
    assert sketch.is_hopeless


def test_a_root_that_asks_for_something_personal_gives_no_draft() -> None:
    """The same in the operation's own fields."""
    market = Market("Tile.price")
    market.shop.schema.query_type.fields["other"].resolve = lambda *_: setattr(market, "count", market.count + 1)  # type: ignore[union-attr]
    sketch = market.sketch(market.plan("{ other { id } tiles { price { amount } } }"))
    assert sketch.draft is None
    assert sketch.is_hopeless


def test_values_that_are_one_requests_own_are_not_held() -> None:
    """A parent that is not declared to be everybody's may know who asked: no draft holds it."""
    market = Market("Tile.price")

    class Own:
        id = "1"

    market.shop.batch("Query.tiles", lambda parents: [[Own()] for _ in parents])
    sketch = market.sketch(market.plan("{ tiles { price { amount } } }"))
    assert sketch.draft is None
    assert sketch.is_hopeless


def test_what_had_to_be_waited_for_gives_a_draft_another_time() -> None:
    """Nobody can tell whose reading belongs to which of two calls under way; the next run may have all at hand."""
    market = Market("Tile.price")
    plan = market.plan(PRICES)
    market.late = {"Query.tiles"}
    sketch = market.sketch(plan)
    assert (sketch.draft, sketch.is_hopeless) == (None, False)
    market.late = {"Tile.price"}
    draft = market.draft(plan)
    assert told(settled(draft.fill(market.request("boris")))) == told(settled(plan.write(market.request("boris"))))


def test_an_answer_without_anything_personal_needs_no_draft() -> None:
    """It is kept whole."""
    market = Market()
    assert market.sketch(market.plan(PRICES)).draft is None


def test_an_error_stays_in_its_blank() -> None:
    """A price that fails for one customer is null there, with its path; the draft serves the next."""
    market = Market("Tile.price")
    plan = market.plan(PRICES)
    draft = market.draft(plan)
    market.failing = {"Tile.price"}
    filled = settled(draft.fill(market.request("boris")))
    assert told(filled) == told(settled(plan.write(market.request("boris"))))
    assert filled.errors
    market.failing = set()
    assert told(settled(draft.fill(market.request("carla"))))[1] == []


def test_an_error_that_reaches_further_asks_for_a_whole_run() -> None:
    """A field that is never null takes its parent along, which is written already."""
    market = Market("Tile.stock")
    draft = market.draft(market.plan("{ tiles { id stock } }"))
    market.failing = {"Tile.stock"}
    assert settled(draft.fill(market.request("boris"))) is None


def test_text_cannot_forge_a_blank() -> None:
    """The sign of a blank in a title is written as JSON writes it, so it is no sign."""
    market = Market("Tile.price")
    market.shop.batch("Query.tiles", lambda parents: [[Tile(id="1", title="a\0000\0b")] for _ in parents])
    plan = market.plan(PRICES)
    draft = market.draft(plan)
    filled = settled(draft.fill(market.request("boris")))
    assert told(filled) == told(settled(plan.write(market.request("boris"))))
    assert told(filled)[0]["tiles"][0]["title"] == "a\0000\0b"


CASES, FEWEST_DRAFTS = 300, 150


def test_a_filled_draft_is_a_whole_run() -> None:
    """Random operations, in which random fields are personal, late or failing, for random customers."""
    drafts = sum(_fills_as_a_whole_run(Random(seed)) for seed in range(CASES))
    assert drafts > FEWEST_DRAFTS


def _fills_as_a_whole_run(rnd: Random) -> bool:
    """Compare; False if the case gave no draft."""
    market = Market(*rnd.sample(FIELDS, rnd.randrange(1, 4)))
    plan = market.plan(_operation(rnd))
    market.late = set(rnd.sample(sorted(market.personal), 1)) if rnd.random() < SOMETIMES else set()
    draft = market.sketch(plan).draft
    if draft is None:
        return False
    for customer in rnd.choices(("anna", "boris", "carla"), k=4):
        market.late = set(rnd.sample(FIELDS, rnd.randrange(3)))
        market.failing = set(rnd.sample(sorted(market.personal), 1)) if rnd.random() < SOMETIMES else set()
        filled = settled(draft.fill(market.request(customer)))
        whole = settled(plan.write(market.request(customer)))
        if filled is None:
            assert not market.failing.isdisjoint(NEVER_NULL)
        else:
            assert told(filled) == told(whole)
            assert filled.errors or filled.data == whole.data
    return True


def _operation(rnd: Random) -> str:
    def tile(depth: int) -> str:
        chosen = ["id", "title", "image(width: 2)", "stock"]
        if depth:
            chosen += [f"price {money(depth - 1)}", f"related {tile(depth - 1)}", f"p: price {money(depth - 1)}"]
        return f"{{ {' '.join(rnd.sample(chosen, rnd.randrange(1, len(chosen))))} }}"

    def money(depth: int) -> str:
        return f"{{ amount formatted {f'tile {tile(depth)}' if depth and rnd.random() < 0.5 else ''} }}"

    return f"{{ tiles {tile(2)} tile {tile(3)} }}"
