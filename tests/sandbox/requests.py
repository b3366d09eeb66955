"""Requests in order, several for every operation, with keys that exist and keys that do not."""

from typing import Any

from tests.sandbox.driving import BOOTS, BOOTS_SKU, CONTEXT

Body = dict[str, Any]
Case = tuple[str, str, Body]

FAR: Body = {**CONTEXT, "localityId": "vvo", "channel": "IOS", "currency": "KZT", "language": "en"}
NOWHERE: Body = {**CONTEXT, "localityId": "atlantis", "currency": "QQQ", "language": "fr"}
SKUS = [f"{prefix}-{number:06d}-01" for number, prefix in ((1, "LUM"), (2, "MIR"), (5, "AUR"), (7, "LUM"), (8, "SEV"))]
SKUS += ["NOR-000009-01", "TES-000010-01", "HAR-000011-01", "", "no-such-sku", "LUM-000001-99", "x" * 300]
PRODUCTS = [{"id": BOOTS, "skus": [BOOTS_SKU]}, {"id": "p-000005", "skus": ["AUR-000005-01", "AUR-000005-02"]}]
PRODUCTS += [{"id": "p-999999", "skus": ["?"]}, {"id": BOOTS, "skus": []}]
PEOPLE = ["cust-anna", "cust-boris", "cust-vera", "cust-gleb", "cust-daria", "cust-oleg", "cust-nina", "cust-00042"]
PEOPLE += ["cust-00000", "nobody", ""]
MOSCOW = {"latitude": 55.75, "longitude": 37.61}
FILTER = {
    "facets": ["color:black", "color:white", "brand:lumera"],
    "ranges": [{"code": "price", "from": "1000", "to": "90000.50"}, {"code": "discount", "from": None, "to": "60"}],
    "inStockOnly": True,
    "availableAt": ["store-01", "nowhere"],
    "receivableBy": "2099-01-01",
    "promotionId": "promo-spring-sale",
    "onSaleOnly": True,
}
SORTS = ("RELEVANCE", "POPULAR", "NEWEST", "PRICE_ASC", "PRICE_DESC", "DISCOUNT", "RATING")
PLACEMENTS: tuple[str, ...] = (
    "home_personal",
    "home_popular",
    "home_new",
    "home_curated",
    "category_popular",
    "product_similar",
)
PLACEMENTS += ("product_together", "product_complementary", "product_viewed", "recently_viewed", "buy_again")
PLACEMENTS += ("search_empty", "cart_addons", "no_such_placement")
KINDS = ["STORE", "WAREHOUSE", "PICKUP_POINT", "PARCEL_LOCKER"]
TOWNS = [{"localityId": "khv"}, {"localityId": "?"}, {"point": MOSCOW}, {"point": {"latitude": 0, "longitude": 0}}]
TOWNS += [{"address": {"city": "Казань"}}, {"address": {"city": "?", "point": MOSCOW}}]
TEXTS = ["мос", "", "saint", "Москва Тверская 12", "zzz", "Казань ул", "\u0000 '\"%"]


def _each(name: str, path: str, *bodies: Body) -> list[Case]:
    return [(name, path, body) for body in bodies]


_LISTINGS = [{"first": 7, "categoryId": "c-1", "sort": sort} for sort in SORTS]
_LISTINGS += [{"first": 100, "text": text} for text in ("сапоги", "сопоги", "lumera", "", "щщщщ", "x" * 2000)]
_LISTINGS += [
    {"first": 3, "promotionId": "promo-app"},
    {"first": 3, "promotionId": "?"},
    {"first": 3, "categoryId": "?"},
]
_LISTINGS += [{"first": 3, "categoryId": "c-11", "filter": FILTER}, {"first": 3, "categoryId": "c-1", "after": "?"}]
_LISTINGS += [{"first": 3, "text": "a", "filter": {"facets": ["?"]}}]
_PERSONAL: list[Body] = [{**CONTEXT, "customerId": person} for person in (*PEOPLE, None)]

CASES: list[Case] = [
    *_each(
        "catalogue.products",
        "/v1/products/batch",
        {"language": "ru", "ids": [f"p-{number:06d}" for number in range(1, 60)], "handles": [], "skus": []},
        {"language": "en", "ids": [BOOTS, "p-1", ""], "handles": ["sapogi-lumera-siena-1", "?"], "skus": SKUS},
    ),
    *_each(
        "search.listings",
        "/v1/listings/batch",
        {**CONTEXT, "queries": _LISTINGS},
        {**FAR, "queries": _LISTINGS},
        {**NOWHERE, "queries": _LISTINGS[:9]},
    ),
    *_each(
        "search.suggestions",
        "/v1/suggestions/batch",
        *(
            {**context, "queries": [{"text": text, "first": 5} for text in ("сап", "", "?", "lum")]}
            for context in (CONTEXT, FAR)
        ),
    ),
    *_each(
        "pricing.prices",
        "/v1/prices/batch",
        *(
            {**context, "items": [{"sku": sku, "quantity": 3} for sku in SKUS]}
            for context in (*_PERSONAL, FAR, NOWHERE)
        ),
    ),
    *_each(
        "pricing.products", "/v1/products/batch", *({**context, "products": PRODUCTS} for context in (*_PERSONAL, FAR))
    ),
    *_each(
        "pricing.promotions",
        "/v1/promotions/batch",
        {**CONTEXT, "ids": None},
        {**FAR, "ids": None},
        {**FAR, "ids": ["promo-app", "?", ""], "customerId": "cust-anna"},
    ),
    *_each(
        "stock.availability",
        "/v1/availability/batch",
        *({**context, "skus": SKUS} for context in (CONTEXT, FAR, NOWHERE)),
    ),
    *_each(
        "stock.products", "/v1/products/batch", *({**context, "products": PRODUCTS} for context in (CONTEXT, NOWHERE))
    ),
    *_each(
        "stock.locations",
        "/v1/locations/batch",
        *(
            {
                **context,
                "queries": [
                    {"sku": BOOTS_SKU, "first": 100, "inStockOnly": False},
                    {"sku": "HAR-000011-01", "first": 5, "inStockOnly": True, "near": MOSCOW, "kinds": ["STORE"]},
                    {"sku": "?", "first": 5, "inStockOnly": True},
                    {"sku": BOOTS_SKU, "first": 5, "inStockOnly": True, "after": "garbage"},
                ],
            }
            for context in (CONTEXT, FAR, NOWHERE)
        ),
    ),
    *_each(
        "loyalty.accounts", "/v1/accounts/batch", *({"language": said, "customerIds": PEOPLE} for said in ("ru", "en"))
    ),
    *_each(
        "loyalty.history",
        "/v1/history/batch",
        {
            "language": "ru",
            "queries": [
                *({"customerId": person, "first": 100} for person in PEOPLE),
                {"customerId": "cust-anna", "first": 2, "kinds": ["EARNED", "REVERSED"]},
                {"customerId": "cust-anna", "first": 2, "after": "?"},
            ],
        },
    ),
    *_each(
        "loyalty.estimates",
        "/v1/estimates/batch",
        *(
            {**context, "items": [{"sku": sku, "quantity": 2} for sku in SKUS]}
            for context in (*_PERSONAL, FAR, NOWHERE)
        ),
    ),
    *_each(
        "recommendations.blocks",
        "/v1/blocks/batch",
        *(
            {
                **context,
                "blocks": [
                    {"placement": name, "first": 12, "productId": BOOTS, "categoryId": "c-11", "query": "сапоги"}
                    for name in PLACEMENTS
                ],
            }
            for context in (*_PERSONAL[:3], FAR)
        ),
        {**CONTEXT, "blocks": [{"placement": name, "first": 100, "productId": "?"} for name in PLACEMENTS]},
    ),
    *_each(
        "delivery.promises",
        "/v1/promises/batch",
        *({**context, "items": [{"sku": sku, "to": to} for sku in SKUS for to in TOWNS]} for context in (CONTEXT, FAR)),
    ),
    *_each(
        "delivery.locations",
        "/v1/locations/batch",
        *({"language": said, "ids": ["store-01", "wh-msk", "pvz-001", "locker-001", "?", ""]} for said in ("ru", "en")),
    ),
    *_each(
        "delivery.locationSearch",
        "/v1/locations/search",
        {
            "language": "ru",
            "queries": [
                {"first": 500},
                {"first": 3, "near": MOSCOW, "kinds": KINDS},
                {
                    "first": 9,
                    "within": {
                        "southWest": {"latitude": 50, "longitude": 30},
                        "northEast": {"latitude": 56, "longitude": 38},
                    },
                },
                {"first": 3, "localityId": "soc", "kinds": ["STORE"]},
                {"first": 3, "localityId": "?", "after": None},
                {"first": 3, "after": "?"},
            ],
        },
    ),
    *_each("customers.customers", "/v1/customers/batch", {"ids": PEOPLE}),
    *_each(
        "geo.localities",
        "/v1/localities/batch",
        *({"language": said, "ids": ["msk", "kgd", "?"]} for said in ("ru", "en")),
    ),
    *_each(
        "geo.localitySearch",
        "/v1/localities/search",
        {"language": "ru", "queries": [{"text": text, "first": 10} for text in TEXTS]},
    ),
    *_each(
        "geo.addressSearch",
        "/v1/addresses/search",
        {"language": "en", "queries": [{"text": text, "first": 7} for text in TEXTS]},
    ),
]
