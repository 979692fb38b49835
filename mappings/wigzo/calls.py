"""The two calls of Wigzo's API, ``learn/event`` and ``learn/identify``, and what both say of a person.

There is no batch call, and neither a time nor an idempotency key is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from mappings.contract import Event, Request, Unmappable
from mappings.wigzo.settings import Account

__all__ = ["Source", "learn_event", "learn_identify", "source", "user_id"]

Source = Literal["app", "web"]
HEX: Final = frozenset("0123456789abcdefABCDEF")


def learn_event(event: Event, account: Account, name: str, value: Any, source: Source) -> Request:
    """One event: its name at Wigzo and its value (text, an array of text, or an object)."""
    body = {
        "eventName": name,
        "eventval": value,
        "eventCategory": "EXTERNAL",
        "userId": user_id(event, account),
        "is_active": True,
        "source": source,
    }
    return Request("POST", account.event_url, "learn/event", account.query, json=body)


def learn_identify(account: Account, person: Mapping[str, Any]) -> Request:
    """One person, with all that is known."""
    return Request("POST", account.identify_url, "learn/identify", account.query, json=person)


def source(event: Event) -> Source:
    """``app`` for what a telephone sent, ``web`` for all else (a server, too)."""
    if event.message.get("channel") == "mobile":
        return "app"
    context = event.context
    return "app" if context.get("app") and (context.get("device") or context.get("os")) else "web"


def user_id(event: Event, account: Account) -> str:
    """Whom the event is about, in the account's ``user_id_format``.

    Raises :class:`Unmappable` for an event of nobody.
    """
    known = event.user_id or event.anonymous_id
    if known is None:
        raise Unmappable("no-user", "userId and anonymousId are missing")
    return known if account.user_id_format == "verbatim" else _as_uuid(known)


def _as_uuid(known: str) -> str:
    if _is_uuid(known):
        return known
    # surrogatepass: an id from anywhere must come out the same each time, and must not raise.
    digest = sha256(known.encode("utf-8", "surrogatepass")).digest()
    return str(UUID(bytes=digest[:16], version=4))


def _is_uuid(known: str) -> bool:
    # Not UUID(known): that one also takes braces, "urn:uuid:" and hyphens anywhere, which the vendor's check may not.
    groups = known.split("-")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and HEX.issuperset("".join(groups))
