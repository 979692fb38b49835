"""What happens in an invented shop, "Lantern & Loom", as calls of Segment's Python library. See ``make_sample.py``.

Shoppers come Zipf-like: a few are there all the time, most once or twice. The hosts, addresses and telephone numbers
are those set aside for examples.
"""
# ruff: noqa: INP001  (a script)

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from shop import SHOP, WARES, Shopper

SHOPPERS, MESSAGES, STORE_CUSTOMERS = 320, 3_800, 40
MONDAY = datetime(2026, 3, 9, 6, tzinfo=UTC)
INTEGRATIONS: list[tuple[int, dict[str, Any]]] = [
    (70, {}),
    (8, {"All": True}),
    (6, {"Segment.io": True}),
    (4, {"Wootric": False}),
    (4, {"All": True, "Wigzo": False}),
    (4, {"All": False, "Wootric": True}),
    (2, {"All": False}),
    (2, {"Wigzo": {"imageUrl": f"{SHOP}/img/banner.jpg", "language": "en"}}),
]
COMMENTS = ["Lovely wool, slow parcel", "手触りが最高です", "Die Lampe flackert", "ok", "Would buy again 🧶"]

Call = tuple[datetime, str, dict[str, Any]]


class Traffic:
    """What happens in the shop, as calls of the library in the order of their times."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.shoppers = [Shopper(number, random) for number in range(SHOPPERS)]
        self.calls: list[Call] = []

    def made(self) -> list[Call]:
        weights = [1 / (rank + 1) ** 0.9 for rank in range(SHOPPERS)]
        start = MONDAY
        while len(self.calls) < MESSAGES:
            start += timedelta(seconds=self.random.expovariate(1 / 400))
            self._session(self.random.choices(self.shoppers, weights)[0], start)
            if len(self.calls) % 7 == 0:
                self._engage(start)
        return sorted(self.calls, key=lambda call: call[0])

    def _session(self, shopper: Shopper, start: datetime) -> None:
        clock = _clock(start, self.random)
        steps = [self._arrive, self._browse, self._fill_cart, self._buy, self._talk]
        for step in steps[: self.random.choice([1, 2, 2, 3, 3, 4, 5, 5])]:
            step(shopper, clock)

    def _call(
        self, method: str, shopper: Shopper, clock: Iterator[datetime], path: str = "/", **arguments: Any
    ) -> None:
        weights, choices = zip(*INTEGRATIONS, strict=True)
        integrations = self.random.choices(choices, weights)[0]
        said = {"context": shopper.context(path), "integrations": integrations, **shopper.ids(), **arguments}
        self.calls.append((next(clock), method, said))

    def _track(
        self, shopper: Shopper, clock: Iterator[datetime], event: str, path: str = "/", /, **properties: Any
    ) -> None:
        self._call("track", shopper, clock, path, event=event, properties=properties)

    def _page(self, shopper: Shopper, clock: Iterator[datetime], name: str | None, path: str) -> None:
        self._call(
            "page", shopper, clock, path, name=name, properties={"url": SHOP + path, "path": path, "referrer": ""}
        )

    def _arrive(self, shopper: Shopper, clock: Iterator[datetime]) -> None:
        self._page(shopper, clock, self.random.choice(["Home", None]), "/")
        if not shopper.is_known and self.random.random() < 0.6:
            shopper.is_known = True
            self._call("identify", shopper, clock, "/account", traits=shopper.traits())
            alias = {"previous_id": shopper.anonymous_id, "user_id": shopper.user_id, "anonymous_id": ...}
            self._call("alias", shopper, clock, **alias)
        elif shopper.is_known and self.random.random() < 0.3:
            self._call("identify", shopper, clock, "/account", traits=shopper.traits())
        if shopper.is_known and shopper.number % 9 == 0:
            self._call(
                "group", shopper, clock, group_id=shopper.number // 9, traits={"name": "Example Weavers", "seats": 12}
            )

    def _browse(self, shopper: Shopper, clock: Iterator[datetime]) -> None:
        ware, path = self._ware(shopper)
        if self.random.random() < 0.3:
            self._track(
                shopper, clock, "Promotion Viewed", promotion_id="spring-wool", name="Spring wool", position="top"
            )
            self._track(
                shopper, clock, "Promotion Clicked", promotion_id="spring-wool", name="Spring wool", position="top"
            )
        if self.random.random() < 0.5:
            query = (
                {} if self.random.random() < 0.03 else {"query": self.random.choice(["wool rug", "лампа", "ランプ"])}
            )
            self._track(shopper, clock, "Products Searched", "/search", **query)
        listed = {"list_id": "all", "category": ware["category"], "products": [ware]}
        self._track(shopper, clock, "Product List Viewed", "/c", **listed)
        if self.random.random() < 0.3:
            self._track(
                shopper, clock, "Product List Filtered", "/c", **listed, filters=[{"type": "price", "value": "-50"}]
            )
        self._track(shopper, clock, "Product Clicked", "/c", **ware)
        self._page(shopper, clock, "Product", path)
        if shopper.number % 13 == 0:
            self._call("screen", shopper, clock, name="Product", properties={"sku": ware["sku"]})
        viewed = self.random.choice(["Product Viewed", "Product Viewed", "Viewed Product", "product_viewed"])
        self._track(shopper, clock, viewed, path, **ware)
        if self.random.random() < 0.15:
            self._track(
                shopper, clock, "Product Shared", path, **ware, share_via="email", recipient="friend@example.com"
            )

    def _fill_cart(self, shopper: Shopper, clock: Iterator[datetime]) -> None:
        ware, path = self._ware(shopper)
        if self.random.random() < 0.25:
            self._track(shopper, clock, "Product Added to Wishlist", path, **ware, wishlist_id=f"w{shopper.number}")
            last = self.random.choice(["Product Removed from Wishlist", "Wishlist Product Added to Cart"])
            self._track(shopper, clock, last, path, **ware, wishlist_id=f"w{shopper.number}")
        shopper.cart.append(ware)
        if self.random.random() < 0.03:  # somebody forgot the id: a dead letter
            ware = {name: value for name, value in ware.items() if name != "product_id"}
        self._track(shopper, clock, "Product Added", path, **ware, cart_id=f"c{shopper.number}")
        self._track(shopper, clock, "Cart Viewed", "/cart", cart_id=f"c{shopper.number}", products=shopper.cart[:])
        if self.random.random() < 0.2:
            self._track(shopper, clock, "Cart Shared", "/cart", share_via="email", cart_id=f"c{shopper.number}")
        if len(shopper.cart) > 2:
            self._track(shopper, clock, "Product Removed", "/cart", **shopper.cart.pop(0), cart_id=f"c{shopper.number}")

    def _buy(self, shopper: Shopper, clock: Iterator[datetime]) -> None:
        shopper.orders += 1
        order: dict[str, Any] = {"order_id": f"LL-{shopper.number}-{shopper.orders}", "currency": shopper.currency}
        order |= {"total": sum(ware["price"] for ware in shopper.cart), "products": shopper.cart}
        self._track(shopper, clock, "Checkout Started", "/checkout", **order)
        for step in (1, 2):
            self._track(shopper, clock, "Checkout Step Viewed", "/checkout", checkout_id=order["order_id"], step=step)
            self._track(
                shopper, clock, "Checkout Step Completed", "/checkout", checkout_id=order["order_id"], step=step
            )
        if self.random.random() < 0.4:
            coupon = {"order_id": order["order_id"], "coupon_id": "WOOL10"}
            self._track(shopper, clock, "Coupon Entered", "/checkout", **coupon)
            if self.random.random() < 0.7:
                self._track(shopper, clock, "Coupon Applied", "/checkout", **coupon, discount=4.5)
                self._track(shopper, clock, "Coupon Removed", "/checkout", **coupon, discount=4.5)
            else:
                self._track(shopper, clock, "Coupon Denied", "/checkout", **coupon, reason="expired")
        self._track(
            shopper, clock, "Payment Info Entered", "/checkout", checkout_id=order["order_id"], payment_method="card"
        )
        done = self.random.choice(["Order Completed", "Order Completed", "Completed Order"])
        self._track(
            shopper, clock, done, "/thanks", **(order if self.random.random() > 0.04 else order | {"products": []})
        )
        shopper.cart = []
        after = self.random.choice([None, "Order Updated", "Order Refunded", "Order Cancelled"])
        if after:
            self._track(shopper, clock, after, "/orders", **order)

    def _talk(self, shopper: Shopper, clock: Iterator[datetime]) -> None:
        ware, path = self._ware(shopper)
        review = {"review_id": f"r{shopper.number}", "review_body": self.random.choice(COMMENTS), "rating": "5"}
        self._track(shopper, clock, "Product Reviewed", path, product_id=ware["product_id"], **review)
        score = self.random.choice([0, 6, 8, 9, 10, "7", 12])
        answer = {"feedbackScore": score, "feedbackText": self.random.choice(COMMENTS)}
        kind = self.random.choice(["create response", "Create Response", "create decline"])
        asked = {"Wootric": {"eventType": kind}}
        self._call("track", shopper, clock, path, event="Survey Answered", properties=answer, integrations=asked)
        quiz = float("nan") if self.random.random() < 0.2 else 86.0
        self._track(shopper, clock, "Loom Quiz Finished", "/quiz", score=quiz, тема="ткачество")

    def _engage(self, start: datetime) -> None:
        """An audience tells who came in and who left: by id alone, without an e-mail."""
        for shopper in self.random.sample([one for one in self.shoppers if one.is_known], 4):
            clock = _clock(start, self.random)
            audience = {"bought_wool_last_30_days": self.random.random() < 0.7, "predicted_ltv": 310.5}
            context = {"personas": {"computation_class": "audience", "computation_key": "bought_wool_last_30_days"}}
            said = {"user_id": shopper.user_id, "anonymous_id": None, "context": context}
            self._call("identify", shopper, clock, traits=audience, **said)

    def _ware(self, shopper: Shopper) -> tuple[dict[str, Any], str]:
        number, name, category, price = self.random.choice(WARES)
        path = f"/p/{number.lower()}"
        ware = {
            "product_id": number,
            "sku": f"{number}-A",
            "name": name,
            "category": category,
            "price": price,
            "quantity": 1,
        }
        return ware | {"currency": shopper.currency, "url": SHOP + path, "image_url": f"{SHOP}/img/{number}.jpg"}, path


def nightly_import(random: Random) -> list[Call]:
    """Last night's sales of the store around the corner: customers of its own, whole batches."""
    calls: list[Call] = []
    for number in range(STORE_CUSTOMERS):
        clock, user_id = _clock(MONDAY - timedelta(hours=9), random), f"store-{number:03d}"
        email = f"{user_id}@example.com"
        calls.append(
            (next(clock), "identify", {"user_id": user_id, "traits": {"email": email, "name": "Store Customer"}})
        )
        products = [{"product_id": ware[0], "price": ware[3]} for ware in random.sample(WARES, 2)]
        order = {"order_id": f"S-{number}", "products": products, "currency": "EUR"}
        calls.append((next(clock), "track", {"user_id": user_id, "event": "Order Completed", "properties": order}))
    return sorted(calls, key=lambda call: call[0])


def _clock(start: datetime, random: Random) -> Iterator[datetime]:
    while True:
        start += timedelta(milliseconds=random.randrange(400, 30_000))
        yield start
