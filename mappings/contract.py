"""The whole vocabulary of a destination's author: what comes in, what may be said, what is asked of the worker.

A mapping is pure: no clock, no network, no Kafka, no async. It is found through the entry-point group
``segment_relay.destinations``, where each entry is one :class:`Destination` value.

A flow is a conversation with the vendor about one event::

    def translate(event: Event, settings: Account) -> Flow:
        found = yield look_up(event.user_id)
        if found.status == 404:
            yield create(event)

* It yields nothing: skipped. It raises :class:`Unmappable`: rejected. It returns nothing: the last answer decides.
  It returns an :class:`Outcome`: that one.
* It only ever sees final answers: 2xx, and those 4xx that nobody else knows better. What may be retried never
  reaches it.
* A crash replays the whole flow, so every flow must be safe to repeat.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from mappings.vocabulary import (
    EMPTY,
    Credentials,
    Delivered,
    Event,
    EventType,
    Flow,
    Limited,
    Login,
    Meaning,
    MergedFlow,
    Outcome,
    Quota,
    Refused,
    Rejected,
    Request,
    Response,
    Skipped,
    Transient,
    Unmappable,
    WrongSetup,
)

__all__ = [
    "EMPTY",
    "Credentials",
    "Delivered",
    "Destination",
    "Event",
    "EventType",
    "Flow",
    "Limited",
    "Login",
    "Meaning",
    "Merge",
    "MergedFlow",
    "Outcome",
    "Quota",
    "Refused",
    "Rejected",
    "Request",
    "Response",
    "Skipped",
    "Transient",
    "Unmappable",
    "WrongSetup",
    "setting",
]

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Merge(Generic[S]):
    """Which consecutive waiting events of one user may share a flow, and that flow.

    ``together(events, following, settings)``: may ``following`` join ``events`` (one or more, in order)?
    ``translate(events, settings)``: their flow, for two events or more. Its outcome is every event's; where it is
    anything but ``Delivered``, the events are sent one by one instead. The vendor's state after it equals that after
    the singles. Events whose flow may end in an unrepeatable request are never merged.
    """

    together: Callable[[Sequence[Event], Event, S], bool]
    translate: Callable[[Sequence[Event], S], MergedFlow]


@dataclass(frozen=True, slots=True)
class Destination(Generic[S]):
    """One vendor's API, as a value. Every callable is pure.

    ``name``       how Segment spells it in ``integrations`` ("Wigzo").
    ``settings``   the frozen dataclass of its settings, made of :func:`setting` fields. Its ``__post_init__`` raises
                   ``ValueError`` with a sentence for a wrong combination.
    ``hosts``      the only origins that requests may name ("https://app.wigzo.com"); the transport checks, too.
    ``translate``  event → flow.
    ``reasons``    each slug that its ``Skipped``, ``Rejected``, ``Unmappable``, ``Refused``, ``WrongSetup`` and notes
                   use, and what it means.
    ``login``      the login flow, or ``None`` where these settings need none; ``check`` a flow without effect, for
                   ``segment-relay check``.
    ``meaning``    what a vendor means by an answer that is not 2xx, or by a 2xx that says no; ``None``: the worker's
                   table decides.
    """

    name: str
    settings: type[S]
    hosts: Callable[[S], frozenset[str]]
    translate: Callable[[Event, S], Flow]
    reasons: Mapping[str, str]
    login: Callable[[S], Login | None] | None = None
    check: Callable[[S], Flow] | None = None
    meaning: Callable[[Response], Meaning | None] | None = None
    quota: Callable[[Response], Quota | None] | None = None
    merge: Merge[S] | None = None


REQUIRED: Final = dataclasses.MISSING


def setting(default: Any = REQUIRED, *, help: str, secret: bool = False) -> Any:  # noqa: A002  (the field's word for it)
    """A field of a mapping's settings; config, ``--help`` and the docs are made from it.

    ``secret`` fields are never printed (``repr=False``), and may also be given as ``<name>_file``.
    """
    extra: dict[str, Any] = {"help": help, "secret": secret}
    if default is REQUIRED:
        return field(repr=not secret, metadata=extra)
    return field(default=default, repr=not secret, metadata=extra)
