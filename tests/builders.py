"""Builders of values that many tests need. Each takes overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.contract import Event, EventType
from mappings.fields import identifier

MESSAGE_FIELDS = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "group_id": "groupId",
    "previous_id": "previousId",
}
TIME = 1_770_631_872.131  # 2026-02-09T10:11:12.131Z


def an_event(type: EventType = "track", *, destination: str = "", **overrides: Any) -> Event:  # noqa: A002
    """A Segment message as an event; overrides are the message's fields (``user_id=``, ``properties=``, ``name=``).

    Without overrides it is of the user "u1"; ``user_id=None`` makes it nobody's. ``options=`` are the destination's;
    without them ``destination`` ("Wigzo") says whose are taken from the message. ``key=``, ``time=``, ``id=`` are the
    event's own.
    """
    own = {name: overrides.pop(name) for name in ("options", "key", "time", "id") if name in overrides}
    message: dict[str, Any] = {"type": type, "messageId": "m1", "userId": "u1"}
    if type == "track":
        message["event"] = "Something Done"
    message |= {MESSAGE_FIELDS.get(name, name): value for name, value in overrides.items()}
    return event_of(message, destination, **own)


def event_of(message: Mapping[str, Any], destination: str = "", **own: Any) -> Event:
    """The event that a message is to one destination, decoded in the plainest way."""
    user, anonymous = identifier(message.get("userId")), identifier(message.get("anonymousId"))
    values: dict[str, Any] = {
        "type": message["type"],
        "id": message.get("messageId") or "m1",
        "key": user or anonymous or "nobody",
        "time": TIME,
        "message": message,
        "options": _options(message, destination),
        "user_id": user,
        "anonymous_id": anonymous,
    }
    return Event(**(values | own))


def _options(message: Mapping[str, Any], destination: str) -> Mapping[str, Any]:
    for place in ("integrations", "context"):
        holder = message.get(place)
        options = holder.get(destination) if isinstance(holder, Mapping) else None
        if isinstance(options, Mapping):
            return options
    return {}
