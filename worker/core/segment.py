"""One Segment message becomes an event: its type, its ids, its ordering key, its time, its options (Segment Spec)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mappings.contract import EMPTY, Event, EventType
from worker.core.letter_headers import Origin

TYPES: Final[Mapping[str, EventType]] = {
    "identify": "identify",
    "track": "track",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
}
# Whole numbers from here on are not exact as floats: two people could share one.
INEXACT_FROM: Final = 2.0**53
JSON_NAMES: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class NoEvent:
    """Why a message is none."""

    reason: str
    detail: str


def kind_of(message: Mapping[str, Any]) -> EventType | None:
    """The type, spelled exactly as the Spec does; ``None`` for everything else."""
    found = message.get("type")
    return TYPES.get(found) if type(found) is str else None


def named(value: Any) -> str:
    """What a JSON value is, in a word that says nothing of its content."""
    return JSON_NAMES[type(value)]


def event_of(message: Mapping[str, Any], key: bytes | None, origin: Origin, integration: str) -> Event | NoEvent:
    """``key`` is the record's; ``origin`` the message's first place, whose member is 0 where it came alone."""
    kind = kind_of(message)
    if kind is None:
        return _without_type(message.get("type"))
    if kind == "track" and not _is_filled(message.get("event")):
        return NoEvent("no-event", f"`event` is {_lacking(message.get('event'))}, expected a name")
    user_id, anonymous_id = identifier(message.get("userId")), identifier(message.get("anonymousId"))
    return Event(
        type=kind,
        id=identifier(message.get("messageId")) or str(origin).replace("/", "-"),
        key=(identifier(message.get("previousId")) if kind == "alias" else None)
        or user_id
        or anonymous_id
        or _key_without_ids(key, origin),
        time=_time(message, origin),
        message=message,
        options=options(message, integration),
        user_id=user_id,
        anonymous_id=anonymous_id,
    )


def _without_type(found: Any) -> NoEvent:
    if found is None:
        return NoEvent("no-type", "`type` is missing")
    return NoEvent("unknown-type", f"`type` is {repr(found[:40]) if type(found) is str else named(found)}")


def _lacking(found: Any) -> str:
    if found is None:
        return "missing"
    return "empty" if type(found) is str else named(found)


# --- Whose it is


def identifier(value: Any) -> str | None:
    """Text as it is, numbers as text, whole ones without ``.0``; ``None`` for blanks, inexact numbers and the rest."""
    if type(value) is str:
        return value if _is_filled(value) else None
    if type(value) is int:
        return str(value)
    if type(value) is float and abs(value) < INEXACT_FROM:
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def _is_filled(value: Any) -> bool:
    return type(value) is str and value != "" and not value.isspace()


def _key_without_ids(key: bytes | None, origin: Origin) -> str:
    """The record's key, else one that no other event has.

    User ids, anonymous ids and record keys are one name space: an alias's ``previousId`` may be either of the first
    two, and who keys records by user means the same user. A NUL keeps the last kind apart from all that people write.
    """
    if key:
        return key.decode(errors="backslashreplace")
    return f"\0{origin}"


# --- When it was


def _time(message: Mapping[str, Any], origin: Origin) -> float:
    found = _instant(message.get("timestamp"))
    if found is None:
        found = _instant(message.get("originalTimestamp"))
    return origin.timestamp / 1000 if found is None else found


def _instant(value: Any) -> float | None:
    """ISO 8601 as Unix seconds, UTC where it names no zone; ``None`` for everything else, numbers included."""
    if type(value) is not str:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


# --- What it says about one destination


def options(message: Mapping[str, Any], integration: str) -> Mapping[str, Any]:
    """``integrations.<Name>`` where it is an object, else ``context.<Name>``, else none; also in all-lower-case."""
    for place in (message.get("integrations"), message.get("context")):
        if type(place) is dict and place:
            for name in (integration, integration.lower()):
                found = place.get(name)
                if type(found) is dict:
                    return found
    return EMPTY
