"""Retail Rocket as its pages describe API 3.0: numbers of products over our shop, and what it refuses.

Products are known by their number (`p-000123` is 123), categories by theirs (`c-11` is 11) and by their
handle as path. A session is a shopper of its own; what one has seen is drawn from it.
"""

import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.upstreams.choices import Choices, Chooser, Occasion
from sandbox.upstreams.contract import Json
from sandbox.upstreams.search import Search
from sandbox.vendors.published_limits import Window
from sandbox.vendors.switches import Switches
from sandbox.world.goods import Product
from sandbox.world.shop import Shop

PARTNER = "69908d02c7d513ce40de715a"
API_KEY = "5b333f5297a528b0184b6017"
PER_SECOND = 100
SHOWN = 20
"""How many come at once: the API has no parameter for it."""

SESSION = re.compile("[A-Za-z0-9]{1,50}")
NUMBERS = re.compile(r"\d{1,18}(,\d{1,18})*", re.ASCII)
RESOURCES: Mapping[str, Chooser] = {
    "partnerRecommendations/popular": Choices.popular,
    "partnerRecommendations/personalComposite": Choices.to_taste,
    "partnerRecommendations/popularInInterestedCategories": Choices.to_taste,
    "partnerRecommendations/personalViewed": Choices.seen,
    "categoryRecommendations/popular": Choices.of_category,
    "categoryRecommendations/saleByPopular": Choices.of_category,
    "categoryRecommendations/latest": Choices.of_category,
    "categoryRecommendations/saleByLatest": Choices.of_category,
    "searchRecommendations/search": Choices.for_query,
    "productRecommendations/alternatives": Choices.similar,
    "productRecommendations/related": Choices.together,
    "productRecommendations/relatedByInterestedProperties": Choices.together,
    "productRecommendations/relatedWithoutCurrentCategory": Choices.together,
    "productRecommendations/relatedWithRules": Choices.together,
    "productRecommendations/accessories": Choices.addons,
}


class BadQuestion(Exception):
    """400, with what was expected."""


class RetailRocket(Switches):
    """A `sandbox.vendors.simulator.Simulator`."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(
            cacheControl="private, max-age=60",
            isKeyRevoked=False,
            isThrottling=False,
            isHtml=False,
            hasNewFields=False,
            hasRenamedFields=False,
            isScattered=False,
        )
        self._shop = shop
        search = Search(shop)
        search.warm()
        self._choices = Choices(shop, search)
        self._limit = Window(PER_SECOND, 1.0, lambda: shop.clock().timestamp())

    def app(self) -> Starlette:
        by_path = [f"{name}ByCategoryPath" for name in RESOURCES if name.startswith("category")]
        return Starlette(
            routes=[
                Route(f"/api/3.0/{name}/", self.recommend, name=name.replace("Recommendations/", "."))
                for name in (*RESOURCES, *by_path)
            ]
        )

    def known(self) -> Json:
        return {"partnerId": PARTNER, "apiKey": API_KEY, "productIds": "p-{:06}", "categoryIds": "c-{}"}

    def reset(self) -> None:
        super().reset()
        self._limit.reset()

    async def recommend(self, request: Request) -> Response:
        resource = request.url.path.removeprefix("/api/3.0/").rstrip("/")
        if self["isHtml"]:
            return HTMLResponse("<html><body><h1>503 Service Unavailable</h1></body></html>", 503)
        given = request.query_params
        if (given.get("partnerId"), given.get("apiKey")) != (PARTNER, API_KEY) or self["isKeyRevoked"]:
            return JSONResponse({"message": "Unauthorized"}, 401)
        if self["isThrottling"] or self._limit.take() > 0:
            return JSONResponse({"message": "Too many requests"}, 429)
        try:
            occasion = self._occasion(resource, request)
        except BadQuestion as bad:
            return JSONResponse({"message": str(bad)}, 400)
        chooser = RESOURCES[resource.removesuffix("ByCategoryPath")]
        answer = self._answer(self._choices.first(SHOWN, chooser, occasion))
        said = self["cacheControl"]
        return JSONResponse(answer, headers={"cache-control": said} if said else {})

    def _occasion(self, resource: str, request: Request) -> Occasion:
        """What is asked about; raises BadQuestion."""
        given = request.query_params
        session = given.get("sessionExternalId", "")
        if not SESSION.fullmatch(session):
            raise BadQuestion("sessionExternalId: expected 1 to 50 letters and digits")
        kind = resource.partition("Recommendations/")[0]
        if kind == "product":
            return Occasion(session, product=self._product(given.get("productIds", "")))
        if kind == "search":
            return Occasion(session, text=_required(given.get("searchPhrase"), "searchPhrase"))
        if kind == "category":
            return Occasion(session, category_id=self._category(resource, request))
        return Occasion(session)

    def _product(self, numbers: str) -> Product | None:
        """The first of them that is known."""
        if not NUMBERS.fullmatch(numbers):
            raise BadQuestion("productIds: expected numbers, separated by commas")
        products = self._shop.goods.products
        known = (products[int(number) - 1] for number in numbers.split(",") if 0 < int(number) <= len(products))
        return next(known, None)

    def _category(self, resource: str, request: Request) -> str:
        given = request.query_params
        if not resource.endswith("ByCategoryPath"):
            if not NUMBERS.fullmatch(given.get("categoryIds", "")):
                raise BadQuestion("categoryIds: expected numbers, separated by commas")
            return f"c-{given['categoryIds'].partition(',')[0]}"
        path = _required(given.get("categoryPaths"), "categoryPaths")
        found = (category.id for category in self._shop.tree.by_id.values() if path in (category.handle, category.id))
        return next(found, "")

    def _answer(self, numbers: list[int]) -> Json:
        parts = [numbers] if numbers else []
        if self["isScattered"]:  # in several objects, and some twice
            parts = [numbers[:2], numbers[1:5], [], numbers[4:]]
        recommendations: list[Json] = [{"productId": part} for part in parts]
        if self["hasNewFields"]:
            recommendations = [{**part, "score": 0.5, "algorithm": "new"} for part in recommendations]
        name = "items" if self["hasRenamedFields"] else "recommendations"
        return {name: recommendations, **({"version": "3.1"} if self["hasNewFields"] else {})}


def _required(given: str | None, name: str) -> str:
    if not given:
        raise BadQuestion(f"{name}: expected a text")
    return given
