"""Events that real and broken sources send, for whoever must not trip over one."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any, get_args

from mappings.contract import Event, EventType
from tests.builders import a_record, an_event, event_of
from worker.core.decode import decode

DATA = Path(__file__).parents[1] / "data"
TYPES: tuple[EventType, ...] = get_args(EventType)


def empty_events() -> list[Event]:
    """Nothing but a type, and hardly more."""
    nobody = [event_of({"type": kind}) for kind in TYPES]
    somebody = [an_event(kind, event="x") for kind in TYPES]
    anonymous = [an_event(kind, event="x", user_id=None, anonymous_id="a1") for kind in TYPES]
    return nobody + somebody + anonymous


def odd_events() -> list[Event]:
    """A wrong kind of value in each place that a mapping may look at."""
    whole = ("properties", "traits", "context", "event", "name", "groupId", "previousId", "channel", "category")
    inner = ("page", "traits", "app", "device", "ip", "locale", "consent", "library")
    oddities: tuple[Any, ...] = (None, True, 5, 86.0, "x", "", [], [[1], {}], {}, {"": {"": None}})
    return [
        event_of({"type": kind, "userId": "u1", **fields})
        for kind in TYPES
        for odd in oddities
        for fields in (
            *({place: odd} for place in whole),
            *({"event": "x", "context": {place: odd}} for place in inner),
        )
    ]


@cache
def decoded(integration: str) -> tuple[Event, ...]:
    """The malformed corpus and one library's script, as far as the worker's decoder lets them through."""
    values = [base64.b64decode(line.split("\t")[1]) for line in (DATA / "malformed.jsonl.txt").read_text().splitlines()]
    values += (DATA / "sdk" / "segment-analytics-python-2.4.0.jsonl").read_bytes().splitlines()
    values += (DATA / "envelopes.jsonl").read_bytes().splitlines()
    members = (member for value in values for member in decode(a_record(value), integration))
    return tuple(member for member in members if isinstance(member, Event))


def events_for(integration: str) -> list[Event]:
    """All of them, with the options of that destination."""
    return [*empty_events(), *odd_events(), *decoded(integration)]
