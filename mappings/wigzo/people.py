"""``identify`` → what Wigzo learns of a person.

Every trait that is not one of Wigzo's own fields is a user property under its own name: that is how computed traits
and audiences arrive, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mappings import fields
from mappings.contract import Event
from mappings.wigzo.calls import source, user_id
from mappings.wigzo.settings import Account

__all__ = ["person"]

# Wigzo's own fields: no trait may take their place, also where this event leaves them out.
OWN: Final = frozenset(
    {"userId", "customer_id", "fullName", "email", "phone", "createdAt", "is_active", "source"},
)
NAMES: Final = frozenset({"name", "first_name", "last_name"})  # said by fullName, where that is known
TIMES: Final = frozenset({"created", "created_at"})  # said by createdAt, or no time at all


def person(event: Event, account: Account) -> dict[str, Any]:
    """The body of ``learn/identify``. Raises ``Unmappable`` for an event of nobody."""
    named = _named(event, account)
    return {**named, **_properties(fields.traits(event), TIMES | NAMES if "fullName" in named else TIMES)}


def _named(event: Event, account: Account) -> dict[str, Any]:
    created = fields.created(event)
    known = {
        "userId": user_id(event, account),
        "customer_id": event.user_id,
        "fullName": fields.full_name(event),
        "email": fields.email(event),
        "phone": fields.phone(event),
        "is_active": True,
        "source": source(event),
        "createdAt": created.date().isoformat() if created else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _properties(traits: Mapping[str, Any], said: frozenset[str]) -> dict[str, Any]:
    left = {name: value for name, value in traits.items() if name not in said and not _own(name)}
    flat = {name: _without_null(value) for name, value in fields.flatten(left).items() if not _own(name)}
    return {name: value for name, value in flat.items() if _sendable(value)}


def _own(name: str) -> bool:
    return name in OWN or name.lower() == "email"


def _without_null(value: Any) -> Any:
    return [member for member in value if member is not None] if isinstance(value, list) else value


def _sendable(value: Any) -> bool:
    """Scalars and arrays of scalars: what else a property may hold is not known, and one odd one loses the person."""
    return not isinstance(value, list) or not any(isinstance(member, dict | list) for member in value)
