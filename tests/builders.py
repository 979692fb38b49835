"""What tests are made of: each builder gives an ordinary one, and takes what is different as keywords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from mappings.contract import EMPTY, Destination, Event, EventType, Flow, Request
from mappings.fields import identifier
from worker.core.items import Assignment, Item, User
from worker.core.ledger import Ledger
from worker.core.policy import Policy
from worker.core.records import TopicPartition
from worker.core.tally import Status

TIME = 1_770_631_872.131  # 2026-02-09T10:11:12.131Z


class ARecord(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def a_record(
    value: bytes | object = b"{}",
    *,
    topic: str = "events",
    partition: int = 3,
    offset: int = 41,
    timestamp: int = 1_770_631_900_000,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes]] = (),
) -> ARecord:
    """A record; a ``value`` that is not bytes is written as JSON (``None`` is a tombstone)."""
    body = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
    return ARecord(topic, partition, offset, timestamp, key, body, headers)


def a_message(**fields: object) -> dict[str, Any]:
    """A track call as the libraries send it; a field that is ``...`` is left out."""
    message: dict[str, Any] = {
        "type": "track",
        "event": "Product Added",
        "messageId": "m1",
        "userId": "u1",
        "timestamp": "2026-02-09T10:11:12.131Z",
        "properties": {"product_id": "KK-101"},
        "context": {},
        "integrations": {},
    }
    return {name: value for name, value in {**message, **fields}.items() if value is not ...}


def an_event(
    type: EventType = "track",  # noqa: A002  (the field's name)
    *,
    user_id: str | None = "u1",
    anonymous_id: str | None = None,
    id: str = "m1",  # noqa: A002  (the field's name)
    key: str | None = None,
    time: float = TIME,
    options: Mapping[str, Any] = EMPTY,
    **message: object,
) -> Event:
    """An event; further keywords are fields of its message."""
    event = {"event": "Product Added"} if type == "track" else {}
    return Event(
        type=type,
        id=id,
        key=key or user_id or anonymous_id or "nobody",
        time=time,
        message={"type": type, "messageId": id, "userId": user_id, "anonymousId": anonymous_id, **event, **message},
        options=options,
        user_id=user_id,
        anonymous_id=anonymous_id,
    )


def a_policy(**fields: Any) -> Policy:
    return Policy(**{"integration": "Wigzo", "concurrency": 512, **fields})


def a_status(**fields: Any) -> Status:
    """A lane that is open and has nothing to do."""
    idle = Status(
        state="open",
        why="",
        held_since=None,
        until=None,
        pending={},
        oldest_pending=None,
        keys_failing=0,
        next_give_up=None,
        at_risk=0,
        limited_by=frozenset(),
        requests_open=0,
        concurrency_limit=512,
        imbalance=0,
        partitions={},
    )
    return replace(idle, **fields)


def event_of(message: Mapping[str, Any], destination: str = "") -> Event:
    """The event that a message is to the destination of that name ("Wigzo"), decoded in the plainest way."""
    user, anonymous = identifier(message.get("userId")), identifier(message.get("anonymousId"))
    return Event(
        type=message["type"],
        id=message.get("messageId") or "m1",
        key=user or anonymous or "nobody",
        time=TIME,
        message=message,
        options=_options(message, destination),
        user_id=user,
        anonymous_id=anonymous,
    )


def _options(message: Mapping[str, Any], destination: str) -> Mapping[str, Any]:
    for place in ("integrations", "context"):
        holder = message.get(place)
        options = holder.get(destination) if isinstance(holder, Mapping) else None
        if isinstance(options, Mapping):
            return options
    return EMPTY


# --- What a lane keeps


def an_assignment(topic: str = "events", partition: int = 3) -> Assignment:
    return Assignment(TopicPartition(topic, partition), Ledger(0))


def a_user(key: str = "u1", *, assignment: Assignment | None = None) -> User:
    """A user whom the assignment knows, without events."""
    home = assignment or an_assignment()
    return home.users.setdefault(key, User(key, home))


def an_item(
    user: User | None = None,
    *,
    arrival: int = 1,
    bytes: int = 100,  # noqa: A002  (the field's name)
    event: Event | None = None,
) -> Item:
    """An event of a user; it is nowhere in a queue yet."""
    return Item(user or a_user(), a_record(offset=arrival), 0, event or an_event(), arrival, bytes, alone=True)


def a_user_with(*items: Item, key: str = "u1") -> User:
    """A user in whose queue these items stand."""
    user = a_user(key)
    user.waiting = list(items)
    for item in items:
        item.user = user
    return user


# --- A vendor


def a_request(operation: str = "track", **fields: Any) -> Request:
    return Request(**{"method": "POST", "url": "https://vendor.example/track", "operation": operation, **fields})


def a_destination(**fields: Any) -> Destination[Any]:
    """A vendor that is sent one request for each event, whose settings are not looked at."""

    def translate(_event: Event, _settings: object) -> Flow:
        yield a_request()
        return None

    usual = {"name": "Vendor", "settings": object, "hosts": lambda _: frozenset({"https://vendor.example"})}
    return Destination(**{**usual, "translate": translate, "reasons": {}, **fields})
