"""What Wootric's answers mean: errors, limits, and the names that are already taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, cast

from mappings.contract import Limited, Meaning, Quota, Response, Unmappable

Kind = Literal["external_id", "email", "phone"]

# Over the limit, an account is "only allowed to continue after a minute".
MINUTE: Final = 60.0
LONGEST_MESSAGE: Final = 300
TAKEN: Final = re.compile(r"\b(external|email|phone)[ _a-z]{0,40} has already been taken", re.IGNORECASE)
KINDS: Final[Mapping[str, Kind]] = {"external": "external_id", "email": "email", "phone": "phone"}


def meaning(answer: Response) -> Meaning | None:
    """Over the limit: until ``X-Rate-Limit-Reset``, else as ``Retry-After`` says, else for a minute.

    Any other 4xx is left to the flow, which knows an absent end user and a taken address from a refusal.
    """
    if answer.status != 429:
        return None
    reset = _number(answer.headers.get("x-rate-limit-reset"))
    return Limited(until=reset) if reset is not None else _retry_after(answer.headers.get("retry-after", ""))


def quota(answer: Response) -> Quota | None:
    """How many requests are left; absent headers mean no limit, and so do headers that are not numbers."""
    left = _number(answer.headers.get("x-rate-limit-remaining"))
    until = _number(answer.headers.get("x-rate-limit-reset"))
    return None if left is None or until is None else Quota(int(left), until)


def age(answer: Response) -> float:
    """How many seconds ago it was given: 0 for one that did not come from memory."""
    return _number(answer.headers.get("age")) or 0.0


def refused(answer: Response) -> Unmappable:
    """To be raised: Wootric's no ends the flow from any depth, with its message in the detail."""
    said = "; ".join(_messages(answer))[:LONGEST_MESSAGE]
    return Unmappable("refused", f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status}")


def taken(answer: Response) -> Kind | None:
    """Which of an end user's names belongs to another one ("Email has already been taken")."""
    found = TAKEN.search("; ".join(_messages(answer))) if 400 <= answer.status < 500 else None
    return KINDS[found[1].lower()] if found else None


def _messages(answer: Response) -> Iterator[str]:
    """The messages of ``{"type": "error_list", "errors": [{message, field}]}`` or ``{"error": message}``."""
    body = answer.object()
    if isinstance(body.get("error"), str):
        yield body["error"]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, Mapping):
            yield _sentence(cast("Mapping[str, Any]", error))


def _sentence(error: Mapping[str, Any]) -> str:
    # Messages are whole sentences, or go on from the field's name ("email", "has already been taken").
    return " ".join(part for part in (error.get("field"), error.get("message")) if isinstance(part, str))


def _number(header: str | None) -> float | None:
    plain = (header or "").strip()
    return float(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 12 else None


def _retry_after(header: str) -> Limited:
    seconds = _number(header)
    if seconds is not None:
        return Limited(wait=seconds)
    try:
        moment = parsedate_to_datetime(header)
        return Limited(until=(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return Limited(wait=MINUTE)
