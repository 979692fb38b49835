"""What should have come of it all: the same events, one after another, in memory.

No Kafka, no HTTP, no concurrency, no faults, no merging: decode, route, and carry the mapping's conversation out
against the same stand-ins. Whatever the worker does beside that must leave the vendors in the same state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, assert_never

from mappings.contract import Delivered, Event, Flow, Outcome, Refused, Rejected, Request, Response, Skipped, Unmappable
from worker.config import DestinationSettings
from worker.core.decode import Malformed, Member, Tombstone, decode
from worker.core.routing import Filtered, Routing
from worker.demo.sample import Sample
from worker.sandbox.vendors import Vendors

Ends: TypeAlias = Counter[tuple[str, str]]
Exchange: TypeAlias = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Expected:
    """``events`` of each destination by outcome and reason (a delivered event's note is left out), the vendors' state,
    and the ``requests`` that each destination took by operation (logins are left out)."""

    events: dict[str, Ends]
    state: dict[str, Any]
    requests: dict[str, Counter[str]] = field(default_factory=dict)


def expected(records: Iterable[Sample], destinations: Iterable[DestinationSettings], now: float) -> Expected:
    """``now`` is Unix seconds."""
    vendors = Vendors(keep=True)
    given = list(records)
    events: dict[str, Ends] = {}
    requests: dict[str, Counter[str]] = {}
    for one in destinations:
        requests[one.name] = Counter()
        exchange = _counted(_logged_in(one, vendors, now), requests[one.name])
        events[one.name] = _ends(given, one, exchange, now)
    return Expected(events, vendors.state(), requests)


def _counted(exchange: Exchange, requests: Counter[str]) -> Exchange:
    def counted(request: Request) -> Response:
        requests[request.operation] += 1
        return exchange(request)

    return counted


def _ends(records: list[Sample], settings: DestinationSettings, exchange: Exchange, now: float) -> Ends:
    routing = Routing(settings.policy)
    members = (member for record in records for member in decode(record, settings.policy.integration))
    return Counter(_end(member, routing, settings, exchange, now) for member in members)


def _end(
    member: Member, routing: Routing, settings: DestinationSettings, exchange: Exchange, now: float
) -> tuple[str, str]:
    match member:
        case Malformed(reason):
            return "dead-lettered", reason
        case Tombstone():
            return "skipped", "tombstone"
        case Event():
            unwanted = routing.verdict(member, now)
            return _named(unwanted or _outcome(member, settings, exchange))
        case _:
            assert_never(member)


def _named(end: Outcome | Filtered) -> tuple[str, str]:
    match end:
        case Delivered():
            return "delivered", ""
        case Filtered(reason):
            return "filtered", reason
        case Skipped(reason):
            return "skipped", reason
        case Rejected(reason):
            return "dead-lettered", reason
        case _:
            assert_never(end)


def _outcome(event: Event, settings: DestinationSettings, exchange: Exchange) -> Outcome:
    try:
        return _converse(settings.destination.translate(event, settings.mapping_settings), settings, exchange)
    except Unmappable as fault:
        return Rejected(fault.reason)


def _converse(flow: Flow, settings: DestinationSettings, exchange: Exchange) -> Outcome:
    response: Response | None = None
    meaning = settings.destination.meaning
    try:
        request = next(flow)
        while True:
            response = exchange(request)
            if meaning is not None and isinstance(said := meaning(response), Refused):
                return Rejected(said.reason)
            request = flow.send(response)
    except StopIteration as end:
        outcome: Outcome | None = end.value
        if outcome is not None:
            return outcome
    if response is None:
        return Skipped("nothing-to-send")
    return Delivered() if response.ok else Rejected("refused")


def _logged_in(settings: DestinationSettings, vendors: Vendors, now: float) -> Exchange:
    def exchange(request: Request) -> Response:
        return vendors.exchange(request, now)

    login = settings.destination.login
    flow = login(settings.mapping_settings) if login is not None else None
    if flow is None:
        return exchange
    try:
        request = next(flow)
        while True:
            request = flow.send(exchange(request))
    except StopIteration as end:
        headers = end.value.headers
    return lambda request: exchange(
        replace(request, headers={**request.headers, **headers}) if request.login else request
    )
