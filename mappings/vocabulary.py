"""What a mapping and the worker say to each other; an author imports it from :mod:`mappings.contract`."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast

EventType = Literal["identify", "track", "page", "screen", "group", "alias"]
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


def _empty() -> Mapping[str, Any]:
    return EMPTY  # as a factory: Python 3.11 takes a mapping proxy for a mutable default


@dataclass(frozen=True, slots=True)
class Event:
    """One Segment message, as every destination sees it.

    ``message`` is the JSON object as it came, with an envelope's defaults merged in; it is shared between readers and
    must not be changed. ``key`` is whom order is kept for. ``time`` is the event's own time in Unix seconds
    (``timestamp``, else ``originalTimestamp``, else Kafka's). ``options`` are this destination's
    (``integrations.<Name>``, else ``context.<Name>``, else empty).
    ``user_id`` and ``anonymous_id`` are text (numbers are turned into it) or ``None``, never empty.
    """

    type: EventType
    id: str
    key: str = field(repr=False)
    time: float
    message: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=_empty, repr=False)
    user_id: str | None = field(default=None, repr=False)
    anonymous_id: str | None = field(default=None, repr=False)

    @property
    def properties(self) -> Mapping[str, Any]:
        """``properties``, or an empty mapping where the message has none (or has something else there)."""
        return self._object("properties")

    @property
    def traits(self) -> Mapping[str, Any]:
        """``traits`` of the message alone; :func:`mappings.fields.traits` overlays them on ``context.traits``."""
        return self._object("traits")

    @property
    def context(self) -> Mapping[str, Any]:
        """``context``, or an empty mapping."""
        return self._object("context")

    def _object(self, name: str) -> Mapping[str, Any]:
        value = self.message.get(name)
        # Asked several times an event, and nearly always a dict: the abstract class is slow to ask.
        return value if type(value) is dict or isinstance(value, Mapping) else EMPTY


# --- How a flow ends


@dataclass(frozen=True, slots=True)
class Delivered:
    """The vendor has it. ``note`` is a slug that metrics carry as the reason ("unchanged", "eligible")."""

    note: str = ""
    detail: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """There is nothing to send, by what the event is. ``reason`` is one of the mapping's declared slugs."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """It can never be delivered: it becomes a dead letter.

    ``reason`` is one of the slugs that core and mapping declare; ``detail`` is text for people, at most 500 characters
    once the worker has masked it.
    """

    reason: str
    detail: str = field(default="", repr=False)


Outcome: TypeAlias = Delivered | Skipped | Rejected


class Unmappable(Exception):  # noqa: N818  (a word of the contract, not a fault of the program)
    """Raised in a flow: this event lacks what the vendor needs. ``reason`` is a declared slug."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


# --- What a flow yields and gets


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a vendor's API.

    ``url`` is absolute, without query or secrets; ``query`` and ``form`` are pairs of text, sent in their order.
    At most one of ``json`` (any JSON value, not ``None``) and ``form`` is the body.
    ``operation`` is the name of the call ("learn/event").


    ``login``       send it with the credentials that :attr:`Destination.login` got (where there is a login).
    ``repeatable``  ``False`` where a person would notice a second one (a survey e-mail): at most one in a flow,
                    its last.
    ``promises_object``  a 2xx without a JSON object is not the vendor speaking, and is tried again.
    ``cached_as``   a look-up: its 2xx answer may come from memory under this key. Such an answer has no headers but
                    ``age``: how many seconds ago the vendor gave it.
    ``max_age``     of an answer from memory, in seconds (0: ask anew, and remember). None is ever older than a day.
    ``invalidates`` a write: these keys are forgotten when it is sent, and set again only by its own 2xx answer.
    """

    method: Literal["GET", "POST", "PUT"]
    url: str = field(repr=False)
    operation: str
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=_empty, repr=False)
    json: Any = field(default=None, repr=False)
    form: Sequence[tuple[str, str]] | None = field(default=None, repr=False)
    login: bool = True
    repeatable: bool = True
    promises_object: bool = False
    cached_as: str | None = field(default=None, repr=False)
    max_age: float = 3600.0
    invalidates: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A vendor's answer. ``headers`` have lower-case names. ``body`` is ``None`` where it was cut or over 256 KiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=_empty, repr=False)
    body: bytes | None = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """A 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; ``None`` where it is none (``null`` and "no JSON" mean the same to every caller)."""
        if not self.body:
            return None
        try:
            return json.loads(self.body.decode())  # text: json would look for its encoding in bytes first
        except (ValueError, RecursionError):
            return None

    def object(self) -> Mapping[str, Any]:
        """The body as a JSON object; an empty one where it is anything else."""
        value = self.json()
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else EMPTY


Flow: TypeAlias = Generator[Request, Response, Outcome | None]
# A merged flow may name each event's own note; it is a tuple as long as its events.
MergedFlow: TypeAlias = Generator[Request, Response, Outcome | tuple[Delivered, ...] | None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login gained: headers for requests with ``login=True``.

    They last ``lifetime`` seconds; ``None``: until refused.
    """

    headers: Mapping[str, str] = field(repr=False)
    lifetime: float | None = None


# A login that ends without credentials failed by its last answer.
Login: TypeAlias = Generator[Request, Response, Credentials | None]


# --- What a vendor means by an answer, where it departs from the worker's table (docs/design.md, "Answers")


@dataclass(frozen=True, slots=True)
class Transient:
    """Try this event again; ``after`` so many seconds where the vendor says so."""

    after: float | None = None


@dataclass(frozen=True, slots=True)
class Limited:
    """Over the vendor's limit.

    The account waits ``until`` a time (Unix seconds), or for ``wait`` seconds, or backs off.
    """

    until: float | None = None
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The vendor says no to this event for good."""

    reason: str
    detail: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WrongSetup:
    """The vendor says no to the account: a token, an organization, a right."""

    reason: str
    detail: str = field(default="", repr=False)


Meaning: TypeAlias = Transient | Limited | Refused | WrongSetup


@dataclass(frozen=True, slots=True)
class Quota:
    """What a limit header says of the next requests.

    No more than ``left`` are open at once, ``until`` then (Unix seconds).
    """

    left: int
    until: float
