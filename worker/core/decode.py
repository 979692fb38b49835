"""What Kafka holds becomes events, or the reason why it cannot.

A record is one Segment message, or an envelope ``{"batch": [message, …], "context": …, "integrations": …,
"writeKey": …}`` whose other fields are its members' defaults (the body of Segment's own HTTP API). Nothing here raises,
whatever the bytes are, and a bad member costs its neighbours nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import orjson

from mappings.contract import Event
from worker.core import lenient_json
from worker.core.letter_headers import ENVELOPE, MEMBER, Origin, form_of, origin_of
from worker.core.records import Record
from worker.core.segment import NoEvent, event_of, kind_of, named
from worker.core.weight import brackets_in

# Four times what a broker takes when nobody has told it otherwise.
LARGEST: Final = 4 << 20
# Segment's own limit of 500 KB a batch is some thousand events. Each member costs hundreds of bytes and some
# microseconds, however small it is: without a limit a record of 1 MB could hold half a million.
MOST_MEMBERS: Final = 10_000
# orjson writes at most 254 levels, and a vendor's body puts a few around what came in.
DEEPEST: Final = 240


@dataclass(frozen=True, slots=True)
class Malformed:
    """Never an event. ``reason`` is one of :data:`worker.core.reasons.MALFORMED`.

    ``detail`` names the field and the type of what was found there, not the value. ``raw`` is an envelope member's own
    JSON with the envelope's defaults; ``None`` where the record's bytes are the thing itself, and for a member that is
    too deep to be written, or comes after others whose JSON is as long as any record may be.
    """

    reason: str
    detail: str
    raw: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record without a value: a compacted topic's way to forget a key."""


Member: TypeAlias = Event | Malformed | Tombstone
TOMBSTONE: Final[tuple[Member, ...]] = (Tombstone(),)


def decode(record: Record, integration: str, brackets: int | None = None) -> tuple[Member, ...]:
    """One member for a message, several for an envelope (in its order), none for an empty envelope.

    ``integration`` is the destination's name in ``integrations``: whose options :attr:`Event.options` are. ``brackets``
    are those in the value, where they were counted before.
    """
    value = record.value
    if value is None:
        return TOMBSTONE
    if len(value) > LARGEST:
        return (Malformed("too-large", f"{len(value)} bytes, the limit is {LARGEST}"),)
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        try:
            found = lenient_json.read(value, DEEPEST + 3)  # deep enough to be seen as too deep in an envelope
        except lenient_json.UnreadableError as error:
            return (Malformed(error.reason, error.detail),)
    # Depth costs a walk through the whole value: it is only taken where there are brackets enough.
    maybe_deep = (brackets_in(value) if brackets is None else brackets) > DEEPEST
    origin = origin_of(record)
    if type(found) is dict and type(found.get("batch")) is list and (form := form_of(record)) != MEMBER:
        if form == ENVELOPE:
            return _one_of(found, record, origin, integration, maybe_deep)
        return _members(found, record, origin, integration, maybe_deep)
    return (_member(found, record, origin, integration, maybe_deep),)


def as_json(event: Event) -> bytes:
    """The message alone, with its envelope's defaults: what becomes of a member in a dead letter."""
    return orjson.dumps(event.message)


def _members(
    envelope: dict[str, Any], record: Record, origin: Origin, integration: str, maybe_deep: bool
) -> tuple[Member, ...]:
    if kind_of(envelope) is not None:
        # Taken as either, the other half would be lost without a word.
        return (Malformed("bad-batch", "both `type` and `batch`: a message or an envelope, not both"),)
    messages = envelope["batch"]
    if len(messages) > MOST_MEMBERS:
        return (Malformed("bad-batch", f"{len(messages)} messages, the limit is {MOST_MEMBERS}"),)
    defaults = _defaults(envelope)
    merged = [_merged(message, defaults) for message in messages]
    members = (
        _member(message, record, origin.after(index), integration, maybe_deep) for index, message in enumerate(merged)
    )
    return tuple(_with_raws(members, merged))


def _one_of(
    envelope: dict[str, Any], record: Record, origin: Origin, integration: str, maybe_deep: bool
) -> tuple[Member, ...]:
    """A replay for one message of an envelope: its neighbours had their turn."""
    messages = envelope["batch"]
    message = _merged(messages[origin.member], _defaults(envelope)) if origin.member < len(messages) else None
    return (_member(message, record, origin, integration, maybe_deep),)


def _member(message: Any, record: Record, origin: Origin, integration: str, maybe_deep: bool) -> Event | Malformed:
    if type(message) is not dict:
        return Malformed("not-an-object", f"{named(message)}, expected an object")
    if maybe_deep and _is_deep(message):
        return Malformed("too-deep", f"nested deeper than {DEEPEST} levels")
    if "batch" in message and kind_of(message) is None:
        nested = type(message["batch"]) is list
        said = "an envelope inside an envelope" if nested else f"{named(message['batch'])}, expected an array"
        return Malformed("bad-batch", f"`batch` is {said}")
    event = event_of(message, record.key, origin, integration)
    return Malformed(event.reason, event.detail) if isinstance(event, NoEvent) else event


def _with_raws(members: Iterable[Event | Malformed], messages: Sequence[Any]) -> Iterator[Member]:
    room = LARGEST  # each has the envelope's defaults in it: together they could be thousands of times the record
    for member, message in zip(members, messages, strict=True):
        if isinstance(member, Malformed) and member.reason != "too-deep" and room > 0:
            # A copy: orjson's own bytes hold on to the kilobytes that they were written into.
            raw = bytes(memoryview(orjson.dumps(message)))
            room -= len(raw)
            yield replace(member, raw=raw)
        else:
            yield member


# --- An envelope's defaults


def _defaults(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """``context`` and ``integrations`` where they are objects, ``writeKey`` where there is one."""
    found = {name: envelope[name] for name in ("context", "integrations") if type(envelope.get(name)) is dict}
    return found if envelope.get("writeKey") is None else {**found, "writeKey": envelope["writeKey"]}


def _merged(message: Any, defaults: Mapping[str, Any]) -> Any:
    """Objects key by key: Java puts ``library`` into the envelope's context, the rest into the member's own."""
    if type(message) is not dict:
        return message
    return {**message, **{name: _overlaid(default, message.get(name)) for name, default in defaults.items()}}


def _overlaid(default: Any, own: Any) -> Any:
    if type(default) is dict:
        return {**default, **own} if type(own) is dict else default
    return default if own is None else own


# --- Depth


def _is_deep(value: dict[str, Any]) -> bool:
    """More than :data:`DEEPEST` levels. Level by level, so that no depth can exhaust the stack."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
