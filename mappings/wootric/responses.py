"""Survey answers that arrive as events: responses and declines (``integrations.Wootric.eventType``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import floor
from typing import Any, Final

from mappings.contract import Delivered, Event, Flow, Request, Unmappable
from mappings.fields import part, text
from mappings.wootric import calls
from mappings.wootric.answers import refused
from mappings.wootric.end_users import ANEW, find_first
from mappings.wootric.profile import Pairs, stated
from mappings.wootric.settings import Account

SCORES: Final = {str(score) for score in range(11)}


def is_answer(event: Event) -> bool:
    """Is it a survey's answer, rather than an ordinary track?"""
    return event.type == "track" and _kind(event) in FORMS


def answer(event: Event, account: Account) -> Flow:
    """Post the response or decline of an end user that exists."""
    if not account.has_credentials:
        raise Unmappable("needs-credentials", "responses and declines need client_id and client_secret")
    form_of, post = FORMS[_kind(event)]
    form = form_of(event)
    # Asked anew: the post must be the flow's last request, so an id from memory that is gone could not be put right.
    found = yield from find_first(stated(event).names, account, max_age=ANEW)
    if found is None:
        raise Unmappable("unknown-end-user", "a response or decline needs an end user that was identified before")
    said = yield post(account, found.id, form)
    if not said.ok:
        raise refused(said)
    return Delivered()


def _kind(event: Event) -> str:
    kind = event.options.get("eventType")
    return kind.strip().lower() if isinstance(kind, str) else ""


def _response(event: Event) -> Pairs:
    said = event.properties
    required = (
        ("score", _score(_first(said, "feedbackScore", "score"))),
        ("ip_address", text(event.context.get("ip")) or _missing("context.ip")),
        ("origin_url", _origin(event) or _missing("context.page.url")),
    )
    comment = text(_first(said, "feedbackText", "text"))
    return (*required, *((("text", comment),) if comment else ()), _created_at(event))


def _decline(event: Event) -> Pairs:
    origin = _origin(event)
    return (*((("origin_url", origin),) if origin else ()), _created_at(event))


def _score(value: Any) -> str:
    """0 to 10, a whole number: also ``7.0`` (Python and Java write it so) and ``"7"``."""
    whole = str(int(value)) if isinstance(value, float) and value.is_integer() else text(value)
    if isinstance(value, bool) or whole is None or whole.strip() not in SCORES:
        raise Unmappable("no-score", "properties.feedbackScore (or score) must be an integer from 0 to 10")
    return whole.strip()


def _origin(event: Event) -> str | None:
    return text(part(event.context, "page").get("url")) or text(event.properties.get("url"))


def _created_at(event: Event) -> tuple[str, str]:
    return ("created_at", str(floor(event.time + 0.5)))


def _first(values: Mapping[str, Any], *names: str) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _missing(place: str) -> str:
    raise Unmappable("incomplete-response", f"Wootric needs {place} with a response")


FORMS: Final[Mapping[str, tuple[Callable[[Event], Pairs], Callable[[Account, str, Pairs], Request]]]] = {
    "create response": (_response, calls.respond),
    "create decline": (_decline, calls.decline),
}
