"""Why the worker itself did not deliver an event: a closed list, each reason with what it means.

A reason is a metric's label, a field of a log line and a header of a dead letter, so none is made up on the way.
Mappings declare their own (:attr:`mappings.contract.Destination.reasons`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MALFORMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bad-batch": "`batch` is no array of messages, or the record is a message and an envelope at once.",
        "bad-encoding": "The record's value is not UTF-8.",
        "no-event": "A track call without an event name.",
        "no-type": "The message does not say what it is: `type` is missing.",
        "not-an-object": "JSON, but not an object: neither a message nor an envelope.",
        "not-json": "The record's value is not JSON.",
        "too-deep": "Objects or arrays are nested deeper than 240 levels.",
        "too-large": "The record's value is larger than 4 MiB.",
        "unknown-type": "`type` is none of identify, track, page, screen, group and alias.",
    }
)

NOT_WANTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "consent": "The person has not consented to this destination's categories.",
        "event-denied": "The name matches one of `events_denied`.",
        "event-not-allowed": "The name matches none of `events_allowed`.",
        "integrations": "The event's own `integrations` leave this destination out.",
        "too-old": "The event is older than `max_age`.",
        "type": "The type is not among the destination's `types`.",
    }
)

NOT_DELIVERED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bug": "The mapping failed at this event; the log has the traceback.",
        "nothing-to-send": "The mapping had nothing to send for this event.",
        "parked": "A person gave it up, since it kept failing (`segment-relay dead-letters park`).",
        "refused": "The destination refused the event for good.",
        "retries-exhausted": "It went on failing for the whole `retry_window`, while other events were delivered.",
        "tombstone": "The record has no value.",
        "unknown-outcome": "A request that must not be repeated got no answer, and the setting says to give up then.",
        "wrong-setup": "Answered as if the set-up were wrong, again and again, while others were delivered.",
    }
)

REASONS: Final[Mapping[str, str]] = MappingProxyType({**MALFORMED, **NOT_WANTED, **NOT_DELIVERED})
