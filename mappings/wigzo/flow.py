"""A Segment event → its conversation with Wigzo: one request, whose answer decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mappings.contract import Event, Flow, Rejected, Request, Skipped, Unmappable
from mappings.wigzo.answers import excerpt
from mappings.wigzo.calls import learn_event, learn_identify, source
from mappings.wigzo.ecommerce import BY_SPELLING, properties
from mappings.wigzo.people import person
from mappings.wigzo.settings import Account
from mappings.wigzo.views import view

__all__ = ["translate"]


def translate(event: Event, account: Account) -> Flow:
    """The flow of one event. ``group`` and ``alias`` have no counterpart at Wigzo."""
    ask = REQUESTS.get(event.type)
    if ask is None:
        return Skipped("unsupported")
    answer = yield ask(event, account)
    return None if answer.ok else Rejected("refused", f"HTTP {answer.status}: {excerpt(answer)}")


def _identify(event: Event, account: Account) -> Request:
    return learn_identify(account, person(event, account))


def _track(event: Event, account: Account) -> Request:
    name = event.message.get("event")
    if not isinstance(name, str) or not name:
        raise Unmappable("no-event", "event is missing or empty")
    call = BY_SPELLING.get(name.lower())
    if call is None:
        return learn_event(event, account, name, properties(event), source(event))
    return learn_event(event, account, call.name or account.product_event, call.value(event), source(event))


def _page(event: Event, account: Account) -> Request:
    return learn_event(event, account, "view", view(event), source(event))


def _screen(event: Event, account: Account) -> Request:
    return learn_event(event, account, "view", view(event), "app")


REQUESTS: Final[Mapping[str, Callable[[Event, Account], Request]]] = {
    "identify": _identify,
    "track": _track,
    "page": _page,
    "screen": _screen,
}
