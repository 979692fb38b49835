"""An answer, or the lack of one → what it means. The one table of docs/design.md, "Answers"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isnan
from typing import Any, Final, TypeAlias, assert_never

from mappings.contract import Destination, Limited, Meaning, Refused, Request, Response, Transient, WrongSetup
from worker.core.faults import Fault

LONGEST_WAIT = 3600.0  # seconds: nobody's Retry-After keeps an event longer without another look
# How a page begins; a byte order mark, an XML declaration and comments may come first. Possessive: strangers write it.
PAGE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s+|<\?xml[^>]*>|<!--.*?-->)*+<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class ToFlow:
    """The vendor's final word on this request: the flow knows what to make of it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """This event failed for now; ``after`` is the vendor's own wish, in seconds."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class OverLimit:
    """Too many requests, for ``wait`` seconds where anybody said so.

    ``account``: the vendor's word about the account, which needs no confirmation.
    """

    wait: float | None
    account: bool


@dataclass(frozen=True, slots=True)
class SetupRefused:
    """No to the account, not to the event: a token, a right, an address."""

    reason: str
    detail: str = field(default="", repr=False)
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class EventRefused:
    """No to this event for good, in the mapping's words."""

    reason: str
    detail: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """A 401 to a request that carried a login's credentials."""


Verdict: TypeAlias = ToFlow | Failed | OverLimit | SetupRefused | EventRefused | TokenRefused
TO_FLOW = ToFlow()
TOKEN_REFUSED = TokenRefused()


def verdict(request: Request, answer: Response | Fault, destination: Destination[Any], now: float) -> Verdict:
    """What ``answer`` to ``request`` means. ``now`` is Unix seconds."""
    if isinstance(answer, Fault):
        return Failed(answer.kind.value)
    if answer.ok:
        stranger = _not_the_vendor(request, answer)
        if stranger is not None:
            return stranger
    meant = _meant(answer, destination, now)
    if meant is not None:
        return meant
    return TO_FLOW if answer.ok else _by_status(request, answer, destination, now)


def wished_wait(headers: Mapping[str, str], now: float) -> float | None:
    """``Retry-After`` (RFC 9110) in seconds from now, at most an hour; ``None`` where there is none to be read."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
        stamp = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return _bounded(stamp - now)


def _bounded(seconds: float | None) -> float | None:
    """A wish as it is granted; ``None`` where nothing was said that is a number."""
    return None if seconds is None or isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT)


def _meant(answer: Response, destination: Destination[Any], now: float) -> Verdict | None:
    if destination.meaning is None:
        return None
    try:
        meant = destination.meaning(answer)
        return None if meant is None else _in_our_words(meant, now)
    except Exception:  # noqa: BLE001  (odd answers are the vendor's doing; a mapping that trips over one has said nothing)
        return None


def _in_our_words(meant: Meaning, now: float) -> Verdict:
    match meant:
        case Transient(after):
            return Failed("transient", _bounded(after))
        case Limited(until, wait):
            return OverLimit(_bounded(wait if until is None else until - now), account=True)
        case Refused(str() as reason, str() as detail):
            return EventRefused(reason, detail)
        case WrongSetup(str() as reason, str() as detail):
            return SetupRefused(reason, detail)
        case _:  # pragma: no cover
            assert_never(meant)


def _not_the_vendor(request: Request, answer: Response) -> Failed | None:
    """A 2xx that something in front of the vendor wrote: a maintenance page, a proxy's greeting."""
    body = answer.body
    if body and body[0] not in b"{[" and PAGE.match(body):
        return Failed("html")
    if body is None and request.method != "GET":
        return None  # it was too long to be read: but it was done, and is not to be done again for that
    if request.promises_object and not isinstance(answer.json(), dict):
        return Failed("no-object")
    return None


def _by_status(request: Request, answer: Response, destination: Destination[Any], now: float) -> Verdict:
    status = answer.status
    wait = wished_wait(answer.headers, now)
    if status == 429 or (status == 503 and wait is not None):
        return OverLimit(wait, account=False)
    if status in (408, 425) or status >= 500 or status < 200:
        return Failed(str(status), wait)
    if status == 401:
        return TOKEN_REFUSED if destination.login is not None and request.login else SetupRefused("unauthorized")
    if status == 403:
        return SetupRefused("forbidden", wait=wait)
    if status < 400:
        return SetupRefused("redirected", wait=wait)
    return TO_FLOW
