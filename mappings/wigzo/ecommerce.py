"""Segment's ecommerce events → Wigzo's own: the table, and how each value is made.

An event that lacks what its row needs is rejected: a product without its id is never sent half-made, and never passed
on as a plain event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product as combinations
from typing import Any, Final

from mappings.contract import Event, Unmappable
from mappings.fields import identifier, part
from mappings.wigzo.views import first_text

__all__ = ["BY_SPELLING", "Call", "product", "product_id", "product_ids", "properties", "query"]


# --- Values


def properties(event: Event) -> Mapping[str, Any]:
    """The event's properties as they are; ``{}`` where there are none."""
    return event.properties or {}


def product_id(event: Event) -> str:
    """The product's id. Raises ``Unmappable("no-product-id")``."""
    return _id_of(event.properties, "properties")


def product_ids(event: Event) -> list[str]:
    """The ids of the products, in order. Raises ``Unmappable`` where there are none, or where one has no id."""
    products = event.properties.get("products")
    if not isinstance(products, list) or not products:
        raise Unmappable("no-products", "properties.products is missing or empty")
    return [_id_of(member, f"properties.products[{index}]") for index, member in enumerate(products)]


def query(event: Event) -> str:
    """What was searched for, verbatim. Raises ``Unmappable("no-query")``."""
    searched = first_text(event.properties.get("query"))
    if searched is None:
        raise Unmappable("no-query", "properties.query is missing or empty")
    return searched


def product(event: Event) -> dict[str, Any]:
    """The object that Wigzo's product index takes; absent values are left out.

    Raises ``Unmappable("no-product-id")``.
    """
    about, options = event.properties, event.options
    known = {
        "productId": product_id(event),
        "title": first_text(about.get("name")),
        "price": _price(about),
        "category": about.get("category"),
        "canonicalUrl": first_text(part(event.context, "page").get("url"), about.get("url")),
        "image": first_text(options.get("imageUrl"), about.get("image_url")),
        "description": first_text(options.get("description"), about.get("description")),
        "language": first_text(options.get("language"), event.context.get("locale")),
        "brand": about.get("brand"),
        "sku": about.get("sku"),
        "variant": about.get("variant"),
    }
    return {name: value for name, value in known.items() if value is not None and value != ""}


def _id_of(holder: Any, where: str) -> str:
    if isinstance(holder, Mapping):
        found = identifier(holder.get("product_id")) or identifier(holder.get("productId"))
        if found:
            return found
    raise Unmappable("no-product-id", f"{where}.product_id is missing or empty")


def _price(about: Mapping[str, Any]) -> str | None:
    price = about.get("price")
    amount = None if isinstance(price, bool) else first_text(price)
    return f"{first_text(about.get('currency')) or 'USD'} {amount}" if amount else None


# --- The table


@dataclass(frozen=True, slots=True)
class Call:
    """What an event becomes: its name at Wigzo (``None``: the setting ``product_event``) and its value."""

    name: str | None
    value: Callable[[Event], Any]


# Object, action: Segment has used both orders ("Product Viewed", "Viewed Product").
TABLE: Final[Mapping[tuple[str, str], Call]] = {
    ("product", "viewed"): Call(None, product),
    ("product", "clicked"): Call(None, product),
    ("product", "added"): Call("addtocart", product_id),
    ("product", "added to cart from wishlist"): Call("addtocart", product_id),
    ("product", "removed"): Call("removedfromcart", product_id),
    ("product", "added to wishlist"): Call("wishlist", product_id),
    ("products", "searched"): Call("search", query),
    ("checkout", "started"): Call("checkoutstarted", product_ids),
    ("order", "completed"): Call("buy", product_ids),
    ("product", "reviewed"): Call("review", properties),
}


def _spellings(words: list[str]) -> Iterator[str]:
    """With one space, underscore, hyphen or nothing between each two words."""
    for gaps in combinations(("", " ", "_", "-"), repeat=len(words) - 1):
        yield words[0] + "".join(gap + word for gap, word in zip(gaps, words[1:], strict=True))


# Every spelling in lower case. About two thousand keys buy one look-up an event: no pattern is matched, and an event
# that merely begins like one of these, or has its gap in the middle of a word, is another event.
BY_SPELLING: Final[Mapping[str, Call]] = {
    spelling: call
    for (thing, action), call in TABLE.items()
    for order in (f"{thing} {action}", f"{action} {thing}")
    for spelling in _spellings(order.split())
}
