"""What a shop page shows is there: no list on it is empty."""

from typing import Any

from tests.sandbox.driving import BOOTS, BOOTS_SKU, CONTEXT, Driver


def categories(driver: Driver) -> list[Any]:
    return list(driver.ask("catalogue", "/v1/categories?language=ru")["categories"])


def test_every_category_has_products_and_facets(driver: Driver) -> None:
    """Whatever category one opens, something stands there and can be narrowed down."""
    ids = [category["id"] for category in categories(driver)]
    for start in range(0, len(ids), 20):
        queries = [{"categoryId": key, "first": 4} for key in ids[start : start + 20]]
        for listing in driver.ask("search", "/v1/listings/batch", **CONTEXT, queries=queries)["listings"]:
            assert listing["hits"]
            assert {it["kind"] for it in listing["facets"]} >= {"range"}


def test_tree_hangs_together(driver: Driver) -> None:
    """Parents come before children, children name their parent, and handles are unique."""
    told = categories(driver)
    by_id = {category["id"]: category for category in told}
    assert len({category["handle"] for category in told}) == len(told) == len(by_id)
    seen: set[str] = set()
    for category in told:
        assert category["parentId"] is None or category["parentId"] in seen
        assert all(by_id[child]["parentId"] == category["id"] for child in category["childIds"])
        seen.add(category["id"])
    assert "obuv-zhenskaya-sapogi" in {category["handle"] for category in told}


def test_tiles(driver: Driver) -> None:
    """Each tile of a first page has a picture, badges, options, variants, a price, a promotion and something to buy."""
    found = [hit["productId"] for hit in driver.listing(categoryId="c-11", first=48)["hits"]]
    tiles = driver.products(*found)
    products = [{"id": it["id"], "skus": [v["sku"] for v in it["variants"]]} for it in tiles]
    prices = driver.ask("pricing", "/v1/products/batch", **CONTEXT, products=products)["products"]
    stock = driver.ask("stock", "/v1/products/batch", **CONTEXT, products=products)["products"]
    assert len(found) == len(tiles) == len(prices) == len(stock) == 48
    assert all(it["image"] and it["badges"] and it["options"] and it["variants"] and it["rating"] for it in tiles)
    assert all(it["promotionIds"] for it in prices)
    assert all(it["availableSkus"] for it in stock)


def test_product_page(driver: Driver) -> None:
    """The well-known boots have all that a product page asks for."""
    (boots,) = driver.products(BOOTS)
    assert len(boots["media"]) >= 4
    assert len(boots["categoryPath"]) == 4
    assert {option["code"] for option in boots["options"]} == {"color", "size"}
    answer = driver.ask("pricing", "/v1/products/batch", **CONTEXT, products=[{"id": BOOTS, "skus": [BOOTS_SKU]}])
    kinds = {it["mechanic"]["kind"] for it in answer["promotions"]}
    assert kinds >= {"PRICE_OFF", "MULTI_BUY", "GIFT", "BUNDLE", "DELIVERY"}
    (promise,) = driver.ask(
        "delivery", "/v1/promises/batch", **CONTEXT, items=[{"sku": BOOTS_SKU, "to": {"localityId": "msk"}}]
    )["promises"]
    assert len(promise["methods"]) == 6
    assert [it["earliest"] for it in promise["methods"]] == sorted(it["earliest"] for it in promise["methods"])


def test_stores_with_stock(driver: Driver) -> None:
    """The boots are in stores, nearest in stock first, with a promise of pickup; pages make up the whole."""
    entries: list[Any] = []
    after = None
    while True:
        query = {"sku": BOOTS_SKU, "first": 15, "inStockOnly": True, "kinds": ["STORE"], "after": after}
        (result,) = driver.ask("stock", "/v1/locations/batch", **CONTEXT, queries=[query])["results"]
        entries += result["entries"]
        after = result["page"]["endCursor"]
        if not result["page"]["hasNextPage"]:
            break
    assert len({entry["locationId"] for entry in entries}) == len(entries) == 40
    assert [entry["distance"] for entry in entries] == sorted(entry["distance"] for entry in entries)
    assert all(entry["pickup"]["supply"] == "SHELF" for entry in entries)


def test_stores_without_stock(driver: Driver) -> None:
    """All stores, when asked for: those in stock first, by distance, then the empty ones, which get it brought."""
    for product in driver.products(*(f"p-{number:06d}" for number in range(13, 40))):
        query = {"sku": product["variants"][0]["sku"], "first": 100, "inStockOnly": False, "kinds": ["STORE"]}
        (result,) = driver.ask("stock", "/v1/locations/batch", **CONTEXT, queries=[query])["results"]
        order = [(entry["quantity"] == 0, entry["distance"]) for entry in result["entries"]]
        assert len(order) == 40
        assert order == sorted(order)
        for entry in result["entries"]:
            assert (entry["pickup"]["supply"] == "TRANSFER") is (entry["quantity"] == 0)
            assert (entry["status"] == "OUT_OF_STOCK") is (entry["quantity"] == 0)


def test_history_of_kinds(driver: Driver) -> None:
    """A history of some kinds has these alone, over all of its pages."""
    kinds, seen, after = ["REDEEMED", "EXPIRED"], [], None
    while True:
        query = {"customerId": "cust-anna", "first": 7, "kinds": kinds, "after": after}
        (history,) = driver.ask("loyalty", "/v1/history/batch", language="ru", queries=[query])["results"]
        seen += [entry["movement"] for entry in history["entries"]]
        after = history["page"]["endCursor"]
        if not history["page"]["hasNextPage"]:
            break
    assert {it["kind"] for it in seen} == set(kinds)
    assert len({it["id"] for it in seen}) == len(seen) == 40


def test_statuses(driver: Driver) -> None:
    """The well-known products show each status of stock."""
    skus = ["LUM-000001-01", "LUM-000007-01", "SEV-000008-01", "NOR-000009-01", "TES-000010-01", "HAR-000011-01"]
    items = driver.ask("stock", "/v1/availability/batch", **CONTEXT, skus=skus)["items"]
    assert [item["status"] for item in items] == [
        "IN_STOCK", "OUT_OF_STOCK", "PREORDER", "BACKORDER", "STORE_ONLY", "LOW_STOCK",
    ]  # fmt: skip
    assert [item["maxOrderQuantity"] > 0 for item in items] == [True, False, True, True, True, True]
    assert items[2]["restockOn"] > items[3]["restockOn"]


def test_shelves(driver: Driver) -> None:
    """Every placement has something to show a customer, nothing twice, never the product itself, all of it real."""
    known = driver.client.get(f"{driver.control}/known").json()["placements"]
    blocks = [{"placement": name, "first": 8, "productId": BOOTS, "categoryId": "c-1", "query": "щщ"} for name in known]
    body = {**CONTEXT, "customerId": "cust-anna", "blocks": blocks}
    for block in driver.ask("recommendations", "/v1/blocks/batch", **body)["blocks"]:
        ids = [item["productId"] for item in block["items"]]
        assert 0 < len(ids) == len(set(ids)) <= 8, block["placement"]
        assert BOOTS not in ids
        assert len(driver.products(*ids)) == len(ids)


def test_shelves_are_personal(driver: Driver) -> None:
    """Customers get shelves of their own; a guest gets the popular one and has seen nothing."""
    shelves = {}
    for who in (None, "cust-anna", "cust-daria"):
        blocks = [{"placement": name, "first": 8} for name in ("home_personal", "recently_viewed")]
        body = {**CONTEXT, "customerId": who, "blocks": blocks}
        shelves[who] = driver.ask("recommendations", "/v1/blocks/batch", **body)["blocks"]
    assert [shelves[who][0]["strategy"] for who in shelves] == ["POPULAR", "PERSONAL", "PERSONAL"]
    assert shelves["cust-anna"][0]["items"] != shelves["cust-daria"][0]["items"]
    assert shelves[None][1]["items"] == []


def test_loyalty_cabinet(driver: Driver) -> None:
    """The well-known member has everything that the cabinet shows, and movements of every kind, newest first."""
    (account,) = driver.ask("loyalty", "/v1/accounts/batch", language="ru", customerIds=["cust-anna"])["accounts"]
    assert account["expirations"]
    assert account["coupons"]
    assert account["tier"]["benefits"]
    assert account["nextTier"]["remaining"]["amount"] == "31800.00"
    query = {"customerId": "cust-anna", "first": 100}
    (history,) = driver.ask("loyalty", "/v1/history/batch", language="ru", queries=[query])["results"]
    movements = [entry["movement"] for entry in history["entries"]]
    assert {it["kind"] for it in movements} == {"EARNED", "ACTIVATED", "REDEEMED", "REVERSED", "EXPIRED", "ADJUSTED"}
    assert [it["occurredAt"] for it in movements] == sorted((it["occurredAt"] for it in movements), reverse=True)
    assert history["page"]["hasNextPage"]


def test_memberships(driver: Driver) -> None:
    """Every state of membership is there; whoever is not a member has nothing; nobody is above the top tier."""
    people = ["cust-anna", "cust-boris", "cust-vera", "cust-gleb", "cust-oleg"]
    accounts = driver.ask("loyalty", "/v1/accounts/batch", language="ru", customerIds=people)["accounts"]
    assert [it["membership"] for it in accounts] == ["ACTIVE", "NOT_ENROLLED", "BLOCKED", "PENDING", "ACTIVE"]
    assert [it["balance"]["available"]["points"] for it in accounts] == ["1240", "0", "0", "0", "18740"]
    assert accounts[-1]["nextTier"] is None


def test_geo(driver: Driver) -> None:
    """Cities are found by the beginning of their name in either language, addresses by words in any order."""
    queries = [{"text": text, "first": 3} for text in ("каз", "Kaz", "")]
    found = driver.ask("geo", "/v1/localities/search", language="ru", queries=queries)["results"]
    assert [[it["id"] for it in result["localities"]] for result in found] == [["kzn"], ["kzn"], ["msk", "spb", "nsk"]]
    queries = [{"text": "тверская 7 москва", "first": 3}, {"text": "", "first": 3}]
    found = driver.ask("geo", "/v1/addresses/search", language="ru", queries=queries)["results"]
    assert [it["formatted"].partition(", ")[2] for it in found[0]["addresses"]] == ["Москва, Тверская улица, 7"]
    assert found[1]["addresses"] == []


def test_map_of_places(driver: Driver) -> None:
    """Places inside a rectangle, of the asked kinds, sorted by distance; warehouses only when asked for."""
    centre = {"latitude": 59.9343, "longitude": 30.3351}
    box = {"southWest": {"latitude": 59.8, "longitude": 30.0}, "northEast": {"latitude": 60.1, "longitude": 30.6}}
    queries = [{"first": 500, "near": centre, "within": box}, {"first": 9, "kinds": ["WAREHOUSE"]}]
    near, warehouses = driver.ask("delivery", "/v1/locations/search", language="ru", queries=queries)["results"]
    assert {place["address"]["localityId"] for place in near["locations"]} == {"spb"}
    assert {place["kind"] for place in near["locations"]} == {"STORE", "PICKUP_POINT", "PARCEL_LOCKER"}
    assert [entry["distance"] for entry in near["entries"]] == sorted(entry["distance"] for entry in near["entries"])
    assert warehouses["totalCount"] == 6
