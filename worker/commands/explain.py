"""``segment-relay explain``: is an event wanted, what would be sent, and why. Nothing is."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never
from urllib.parse import urlencode

from mappings.contract import Delivered, Event, Outcome, Rejected, Request, Response, Skipped
from worker.commands.exits import Exit
from worker.commands.walk import Asks, Node, Waits, flow_of, walk
from worker.config import DestinationSettings, Settings, SetupError, secrets_of
from worker.core.decode import Malformed, Member, Tombstone, decode
from worker.core.reasons import REASONS
from worker.core.routing import Routing
from worker.logs import Guard

STEP = "  "


@dataclass(frozen=True, slots=True)
class Given:
    """The event as a record, read from a file instead of Kafka. ``timestamp`` is Unix milliseconds."""

    value: bytes = field(repr=False)
    timestamp: int
    topic: str = "explain"
    partition: int = 0
    offset: int = 0
    key: bytes | None = field(default=None, repr=False)
    headers: Sequence[tuple[str, bytes]] = field(default=(), repr=False)


def run(settings: Settings, source: str, only: str | None, tell: Callable[[str], None]) -> int:
    """Explain the event in a file (``-``: standard input) for each destination, or for one. Raises ``SetupError``."""
    if only is not None and only not in settings.destinations:
        raise SetupError([f'--destination: found "{only}", expected one of {", ".join(settings.destinations)}'])
    now = time.time()
    record = Given(_read(source), int(now * 1000))
    guard = Guard(secrets_of(settings))
    for name, destination in settings.destinations.items():
        if only in (None, name):
            for line in explained(record, destination, now):
                tell(guard.masked(line))
    return Exit.OK


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise SetupError([f"{source}: the event cannot be read ({error.strerror})"]) from None


def explained(record: Given, settings: DestinationSettings, now: float) -> Iterator[str]:
    """The lines about one destination; secrets are still in them. ``now`` is Unix seconds."""
    yield f"{settings.name} (mapping {settings.table.mapping})"
    members = decode(record, settings.policy.integration)
    if not members:
        yield f"{STEP}an envelope without messages: nothing to do"
    for index, member in enumerate(members):
        if len(members) > 1:
            yield f"{STEP}message {index + 1} of {len(members)}"
        yield from (f"{STEP}{line}" for line in _member(member, record, settings, now))
    yield ""


def _member(member: Member, record: Given, settings: DestinationSettings, now: float) -> Iterator[str]:
    match member:
        case Malformed(reason, detail):
            yield f"dead letter, {_because(settings, reason)} {detail}"
        case Tombstone():
            yield f"skipped, {_because(settings, 'tombstone')}"
        case Event():
            yield from _facts(member)
            unwanted = Routing(settings.policy).verdict(member, now)
            if unwanted is not None:
                yield f"not wanted, {_because(settings, unwanted.reason)}"
                return
            yield "wanted"
            start = flow_of(member, record, settings.destination, settings.mapping_settings)
            yield from _node(walk(start, settings.destination, now), settings, 1)
        case _:
            assert_never(member)


def _facts(event: Event) -> Iterator[str]:
    when = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds")
    named = f' "{event.message["event"]}"' if event.type == "track" else ""
    yield f"{event.type}{named}, id {event.id}, of {when}"
    who = (("user", event.user_id), ("anonymous", event.anonymous_id))
    yield ", ".join([*(f"{name} {value}" for name, value in who if value), f"in order with all of {event.key}"])
    if event.options:
        yield f"options for this destination: {json.dumps(dict(event.options), ensure_ascii=False)}"


def _node(node: Node, settings: DestinationSettings, number: int) -> Iterator[str]:
    match node:
        case Asks(request, ways):
            yield from _request(request, settings, number)
            for answer, after in ways:
                yield f"{STEP}if the answer is {_answer(answer)}:"
                yield from (f"{STEP * 2}{line}" for line in _node(after, settings, number + 1))
        case Waits(why):
            yield why
        case Delivered() | Skipped() | Rejected():
            yield _outcome(node, settings)
        case _:
            assert_never(node)


def _request(request: Request, settings: DestinationSettings, number: int) -> Iterator[str]:
    query = f"?{urlencode(list(request.query))}" if request.query else ""
    yield f"{number}. {request.method} {request.url}{query}  ({request.operation})"
    if request.login and settings.destination.login is not None:
        yield f"{STEP}with what the login gained"
    yield from (f"{STEP}{name}: {value}" for name, value in request.headers.items())
    if request.json is not None:
        yield from (f"{STEP}{line}" for line in _body(request.json))
    if request.form is not None:
        yield from (f"{STEP}{name} = {value}" for name, value in request.form)
    if not request.repeatable:
        yield f"{STEP}sent once at most, if unknown_outcome says so: a person would notice a second one"


def _body(value: object) -> list[str]:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False).splitlines()
    except (TypeError, ValueError, RecursionError):
        return ["a body that cannot be written as JSON: it would never be sent"]


def _answer(answer: Response) -> str:
    return f"{answer.status} {answer.body.decode()}" if answer.body else str(answer.status)


def _outcome(outcome: Outcome, settings: DestinationSettings) -> str:
    match outcome:
        case Delivered(note, _):
            return f"delivered, {_because(settings, note)}" if note else "delivered"
        case Skipped(reason):
            return f"skipped, {_because(settings, reason)}"
        case Rejected(reason, detail):
            return f"dead letter, {_because(settings, reason)} {detail}".rstrip()
        case _:
            assert_never(outcome)


def _because(settings: DestinationSettings, reason: str) -> str:
    """A reason's slug and what it means."""
    return f"{reason}: {({**REASONS, **settings.destination.reasons}).get(reason, 'no further explanation')}"
