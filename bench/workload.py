"""The events that are sent: shaped like Segment's, 600 bytes, each with a marker that the sink keeps its books by."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

TYPES = ("track", "page", "identify")
PADDING_LEFT = len(b',"pad":""')


@dataclass(frozen=True, slots=True)
class Workload:
    """``size`` is the bytes of one record's value; users are drawn evenly, the same ones for the same ``seed``."""

    events: int = 100_000
    users: int = 20_000
    partitions: int = 12
    size: int = 600
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """Which event of all, whose, and its place among that user's."""

    event: int
    user: int
    place: int

    def __str__(self) -> str:
        return f"pb-{self.event:09}-{self.user:07}-{self.place:07}"


def records(workload: Workload) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values, in the order in which they are produced."""
    chance = random.Random(workload.seed)
    places = [0] * workload.users
    for event in range(workload.events):
        user = chance.randrange(workload.users)
        yield user_id(user).encode(), value(Marker(event, user, places[user]), workload.size)
        places[user] += 1


def user_id(user: int) -> str:
    return f"user-{user:07}"


def value(marker: Marker, size: int) -> bytes:
    """One event as JSON. The marker stands where a mapping passes it on: in what the event itself says."""
    kind = TYPES[marker.event % len(TYPES)]
    said = {
        "marker": str(marker),
        "sku": f"SKU-{marker.event % 10_000:05}",
        "price": marker.event % 100 + 0.99,
        "currency": "EUR",
    }
    message = {
        "messageId": str(marker),
        "type": kind,
        "userId": user_id(marker.user),
        "timestamp": _time(marker.event),
        "originalTimestamp": "2026-11-23T00:00:00.000Z",
        "channel": "web",
        "context": _context(marker.event % 997),
        **_said_by(kind, said),
    }
    room = size - len(orjson.dumps(message)) - PADDING_LEFT
    said["pad"] = "x" * max(0, room)
    return orjson.dumps(message)


def _said_by(kind: str, said: dict[str, object]) -> dict[str, object]:
    match kind:
        case "identify":
            return {"traits": said}
        case "page":
            return {"name": "Shop", "properties": said}
        case _:
            return {"event": "Basket Looked At", "properties": said}


def _context(page: int) -> dict[str, object]:
    return {
        "ip": f"203.0.113.{page % 250}",
        "locale": "en-GB",
        "page": {"path": f"/shop/{page}", "url": f"https://shop.example/shop/{page}", "title": "Shop"},
        "library": {"name": "analytics.js", "version": "2.1.0"},
    }


def _time(event: int) -> str:
    return f"2026-11-23T00:{event // 60_000 % 60:02}:{event // 1000 % 60:02}.{event % 1000:03}Z"
