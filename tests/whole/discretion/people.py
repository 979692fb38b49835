"""Events of every type in which everything that may be personal is marked; a message's id may be told, and is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from tests.whole.discretion.marks import Marks

Record = tuple[bytes | None, bytes | None]

ADDRESS = {"street": "phrase", "city": "", "state": "", "postalCode": "", "country": ""}
TRAITS = {
    "email": "email",
    "phone": "+1 (555) 010-0142",
    "name": "phrase",
    "firstName": "",
    "lastName": "",
    "username": "",
    "address": ADDRESS,
    "birthday": "",
    "company": {"name": "phrase", "industry": ""},
    "avatar": "url",
    "title": "",
    "description": "phrase",
    "website": "url",
    "created_at": "2026-02-09T10:11:12.131Z",
    "plan": "",
    "list": ["", ""],
}
CONTEXT = {
    "ip": "",
    "userAgent": "phrase",
    "locale": "",
    "timezone": "",
    "page": {"url": "url", "path": "", "referrer": "url", "search": "", "title": "phrase"},
    "campaign": {"name": "", "source": ""},
    "device": {"id": "", "advertisingId": "", "token": "", "name": "phrase"},
    "location": {"city": "", "country": ""},
    "network": {"carrier": ""},
    "traits": {"email": "email", "name": "phrase", "nickname": ""},
}
PRODUCT = {
    "product_id": "",
    "sku": "",
    "name": "phrase",
    "brand": "",
    "category": "",
    "image_url": "url",
    "price": 18.75,
}
PROPERTIES = {
    **PRODUCT,
    "order_id": "",
    "query": "phrase",
    "coupon": "",
    "url": "url",
    "title": "phrase",
    "products": [PRODUCT, PRODUCT],
    "nested": {"deep": {"deeper": ""}},
    "email": "email",
}
EVENTS = ("Order Completed", "Product Viewed", "Products Searched", "Nps Answered")
KINDS: dict[str, dict[str, Any]] = {
    "identify": {"traits": TRAITS},
    "track": {"properties": PROPERTIES},
    "page": {"name": "phrase", "category": "", "properties": PROPERTIES},
    "screen": {"name": "phrase", "category": "", "properties": PROPERTIES},
    "group": {"groupId": "", "traits": TRAITS},
    "alias": {"previousId": ""},
}


def messages(marks: Marks, people: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The user and the message: each type for each person, and named tracks beside one with a name of its own."""
    for number in range(people):
        user = marks(f"person {number}'s id")
        for kind, fields in KINDS.items():
            yield user, _message(marks, number, kind, fields)
        for name in EVENTS:
            yield user, {**_message(marks, number, "track", KINDS["track"]), "messageId": f"m{name}", "event": name}


def _message(marks: Marks, number: int, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    place = f"person {number}'s {kind}"
    own = {"event": marks.phrase(f"{place}'s event")} if kind == "track" else {}
    return {
        "type": kind,
        "messageId": f"m{number}-{kind}",
        "timestamp": "2026-02-09T10:11:12.131Z",
        "userId": marks(f"person {number}'s id"),
        "anonymousId": marks(f"person {number}'s anonymous id"),
        "context": marks.spread(f"{place}'s context", CONTEXT),
        **own,
        **marks.spread(place, fields),
    }


def records(marks: Marks, people: int) -> list[Record]:
    """All messages, one a record; and records that are none, or no good ones."""
    made = [(user.encode(), orjson.dumps(message)) for user, message in messages(marks, people)]
    user, (_, message) = marks("an envelope's user"), next(messages(marks, 1))
    envelope = {"batch": [message, {**message, "type": 5}], "context": {"ip": marks("an envelope's ip")}}
    odd = [
        f'{{"type": "track", "userId": "{marks("not json")}'.encode(),
        orjson.dumps([marks("no object")]),
        orjson.dumps({**message, "type": "purchase"}),
        orjson.dumps({**message, "type": "track", "event": None}),
        orjson.dumps(envelope),
        b"\xff" + marks("not utf-8").encode(),
        orjson.dumps({**message, "type": "nothing", "large": marks("a large one") * 500}),
        None,
    ]
    return [*made, *((user.encode(), value) for value in odd)]
