"""What an event says of its person, read the same way for every destination.

Sources disagree about spelling and form; these accessors hold the order in which the places are asked. None of them
raises for any JSON value: what cannot be read is missing (``None``), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from typing import Any, Final

from mappings.contract import EMPTY, Event

__all__ = [
    "created",
    "email",
    "flatten",
    "full_name",
    "identifier",
    "instant",
    "looks_like_email",
    "part",
    "phone",
    "text",
    "traits",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers from here on are milliseconds: as seconds they would lie after the year 2970.
MILLISECONDS_FROM: Final = 31_557_600_000
INEXACT_FROM: Final = 2.0**53  # whole numbers from here on are not all floats
CREATED: Final = ("created", "createdAt", "created_at")
# Deeper objects are no trait that anybody reads. The bound keeps keys short and the recursion harmless.
DEEPEST: Final = 32
# What JSON has besides objects. Asked first: nearly every value is one, and the abstract class is slow to ask.
PLAIN: Final = frozenset({str, int, float, bool, list, type(None)})


# --- Values as text


def text(value: Any) -> str | None:
    """A scalar as text: ``86.0`` is ``"86.0"``, ``86`` is ``"86"``, ``true`` is ``"true"``; ``None`` for the rest."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value)


def identifier(value: Any) -> str | None:
    """An id as text: text verbatim, whole numbers without the ``.0``; ``None`` for a blank and for all else.

    Also for floats that are not exact: two products could share one.
    """
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not abs(value) < INEXACT_FROM:
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return _number(value)


def _number(value: Any) -> str | None:
    if isinstance(value, float):
        return repr(value) if isfinite(value) else None
    try:
        return str(value) if isinstance(value, int) else None
    except ValueError:  # an integer of more digits than Python writes (sys.set_int_max_str_digits)
        return None


def _filled(value: Any) -> str | None:
    """Text without the blanks around it; ``None`` where nothing is left, or where it is no text."""
    return (value.strip() or None) if isinstance(value, str) else None


# --- Times


def instant(value: Any) -> datetime | None:
    """A point in time, in UTC.

    Read are ISO 8601 calendar dates and date-times (UTC where no zone is given), Unix seconds or milliseconds as a
    number or as digits, and ``YYYYMMDD`` as text. Digits that could be a date (eight of them) are one or nothing;
    negative numbers do not tell seconds from milliseconds, and "-1" is how sources write "unknown": nothing, too.
    """
    try:
        if isinstance(value, str):
            return _instant_of_text(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _instant_of_number(float(value))
    except (ValueError, OverflowError):
        pass
    return None


def _instant_of_text(value: str) -> datetime | None:
    if not value.isascii() or "W" in value:  # of week dates, date.fromisoformat also takes broken ones
        return None
    if value.isdigit() and len(value) != 8:
        return _instant_of_number(float(value))
    # In two parts: datetime.fromisoformat takes any character between them, and would make a quarter past four out of
    # "2026-02-09-0415".
    day, between, hour = value.upper().replace(" ", "T", 1).partition("T")
    moment = datetime.combine(date.fromisoformat(day), time.fromisoformat(hour) if between else time.min)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _instant_of_number(value: float) -> datetime | None:
    if value < 0:
        return None
    return EPOCH + (timedelta(milliseconds=value) if value >= MILLISECONDS_FROM else timedelta(seconds=value))


# --- Traits


def traits(event: Event) -> Mapping[str, Any]:
    """The person's traits: ``context.traits`` overlaid by ``traits``.

    A group's own ``traits`` describe the group (its e-mail, its name), so of a ``group`` only ``context.traits`` count.
    """
    own, around = _sources(event)
    if not around:
        return own
    return {**around, **own} if own else around


def part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under ``name``; an empty one where there is something else."""
    inner = value.get(name)
    return EMPTY if type(inner) in PLAIN or not isinstance(inner, Mapping) else inner


def _sources(event: Event) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    own = EMPTY if event.type == "group" else event.traits
    return own, part(event.context, "traits")


def email(event: Event) -> str | None:
    """The person's e-mail address.

    ``properties.email`` counts only where nobody is named: in *Friend Invited* it is the friend's.
    """
    for source in _sources(event):
        if source and (found := _email_in(source)):
            return found
    if event.user_id is None:
        return _filled(event.properties.get("email"))
    return event.user_id if looks_like_email(event.user_id) else None


def _email_in(source: Mapping[str, Any]) -> str | None:
    if found := _filled(source.get("email")):
        return found
    spelt_otherwise = (_filled(value) for key, value in source.items() if len(key) == 5 and key.lower() == "email")
    return next((found for found in spelt_otherwise if found), None)


def looks_like_email(value: str) -> bool:
    """``.+@.+\\..+``, found in linear time: ids come from outside."""
    at = value.find("@", 1)
    return at > 0 and value.find(".", at + 2, len(value) - 1) > 0 and "\n" not in value


def phone(event: Event) -> str | None:
    """The person's phone number as it is written: ``phone``, the first of ``phones``, ``context.traits.phone``."""
    own, around = _sources(event)
    return _phone(own.get("phone")) or _first_phone(own.get("phones")) or _phone(around.get("phone"))


def _first_phone(phones: Any) -> str | None:
    if not isinstance(phones, list):
        return None
    return next((found for found in map(_phone, phones) if found), None)


def _phone(value: Any) -> str | None:
    return _filled(identifier(value))


def full_name(event: Event) -> str | None:
    """``name``, else first and last name where both are there."""
    known = traits(event)
    if name := _filled(known.get("name")):
        return name
    first = _filled(known.get("firstName")) or _filled(known.get("first_name"))
    last = _filled(known.get("lastName")) or _filled(known.get("last_name"))
    return f"{first} {last}" if first and last else None


def created(event: Event) -> datetime | None:
    """When the person became a user: the first of ``created``, ``createdAt``, ``created_at`` that is a time."""
    for source in _sources(event):
        for name in CREATED:
            if name in source and (moment := instant(source[name])):
                return moment
    return None


# --- Objects


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"address": {"city": "Delhi"}}`` as ``{"address_city": "Delhi"}``: nested objects joined by ``_``.

    ``null`` is left out, and so is what lies deeper than 32 objects. Arrays stay as they are. A key that was written
    out wins over one that was joined.
    """
    flat: dict[str, Any] = {}
    joined: dict[str, Any] = {}
    for path, value, depth in _leaves(values, "", 1):
        (flat if depth == 1 else joined).setdefault(path, value)
    return {**joined, **flat} if joined else flat


def _leaves(values: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    for key, value in values.items():
        if type(value) not in PLAIN and isinstance(value, Mapping):
            if depth < DEEPEST:
                yield from _leaves(value, f"{prefix}{key}_", depth + 1)
        elif value is not None:
            yield f"{prefix}{key}", value, depth
