"""When a failing event is tried again, and when it is given up (docs/design.md, "Giving up")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 60.0
WITNESSED_FAILURES = 5
WITNESSED_SPAN = 600.0
WITNESSED_REFUSALS = 3
REFUSAL_SPAN = 120.0
NEVER = float("-inf")
LONG_SLEEP = 60.0  # a flow that slept longer begins again: what it had read is old

Random = Callable[[], float]  # uniform in [0, 1)


def backoff(failures: int, random: Random) -> float:
    """Seconds until the next try after so many failures in a row (one or more): doubling, full jitter."""
    return random() * min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 16))


@dataclass(slots=True)
class Trouble:
    """One user's failures since its last success.

    A failure is *witnessed* when another user's event, sent after this user's previous failure, was delivered: so the
    destination is well and the fault is this event's. Outages, holds and quiet hours witness nothing, and so need no
    clock that stands still.
    """

    first: float
    last: float
    failures: int = 0
    witnessed: int = 0
    witnessed_first: float = 0.0
    witnessed_last: float = 0.0
    given_up: bool = False  # its window has run out: each following event gets one witnessed attempt
    refusals: int = 0  # witnessed refusals of the head event
    refused_first: float | None = None  # its first refusal, witnessed or not

    def failed(self, now: float, *, witnessed: bool) -> None:
        """One more failure."""
        self.last = now
        self.failures += 1
        if witnessed:
            self.witnessed_first = self.witnessed_first if self.witnessed else now
            self.witnessed_last = now
            self.witnessed += 1

    def hopeless(self, now: float, window: float, *, witnessed: bool) -> bool:
        """Is the head event given up now, with this failure? Never without a witness."""
        if self.given_up:
            return witnessed
        return (
            now - self.first >= window
            and self.witnessed >= WITNESSED_FAILURES
            and self.witnessed_last - self.witnessed_first >= WITNESSED_SPAN
        )

    def gives_up_at(self, window: float) -> float | None:
        """From when on its head event is given up if it goes on failing; nothing while no failure was witnessed.

        Who was given up once has no window any more: it is its next witnessed failure, whenever that comes.
        """
        if self.given_up:
            return self.last
        return max(self.first + window, self.witnessed_first + WITNESSED_SPAN) if self.witnessed else None

    def refused(self, now: float, *, witnessed: bool) -> bool:
        """One more refusal of the account; is it this event's own fault by now?"""
        if self.refused_first is None:
            self.refused_first = now
        self.last = now
        self.failures += 1
        self.refusals += witnessed
        return self.refusals >= WITNESSED_REFUSALS and now - self.refused_first >= REFUSAL_SPAN

    def next_event(self) -> None:
        """The head event was given up or rejected; refusals were its own."""
        self.refusals = 0
        self.refused_first = None


class Witnesses:
    """Who was served lately: the latest sending times of good answers, of two different users."""

    __slots__ = ("_by",)

    def __init__(self) -> None:
        self._by: dict[str, list[Any]] = {}  # [user, sent, another user's sent]

    def served(self, what: str, user: object, sent: float) -> None:
        """``user`` was served with ``what`` (an operation, or "delivered") by a request sent then."""
        seen = self._by.get(what)
        if seen is None:
            self._by[what] = [user, sent, NEVER]
        elif seen[0] is user:
            seen[1] = max(seen[1], sent)
        elif sent >= seen[1]:
            seen[0], seen[1], seen[2] = user, sent, seen[1]
        else:
            seen[2] = max(seen[2], sent)

    def saw(self, what: str, user: object, since: float) -> bool:
        """Was another user served with it, by a request sent after ``since``?"""
        seen = self._by.get(what)
        if seen is None:
            return False
        return bool((seen[2] if seen[0] is user else seen[1]) > since)
