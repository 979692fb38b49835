"""How many requests may be open now: none while the lane holds, few after it, as many as allowed otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from mappings.contract import Quota
from worker.core.answers import LONGEST_WAIT
from worker.core.concurrency import Concurrency
from worker.core.holds.states import HELD, TRANSITIONS, Signal, State

LIMIT_UNSAID = 60.0  # seconds that a limited lane waits where nobody said how long
LIMIT_SHORTEST = 1.0  # however short a time the vendor names, it is not asked again and again without a pause
BREAKER_FIRST = 5.0
BREAKER_LONGEST = 60.0
SETUP_EVERY = 60.0
GUARD_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Change:
    """A lane's state changed: one log line, with a sentence."""

    before: State
    after: State
    why: str


class Gate:
    """A lane's health. ``state`` moves by ``TRANSITIONS`` alone; times are Unix seconds."""

    def __init__(self, concurrency: Concurrency) -> None:
        self.concurrency = concurrency
        self.state = State.OPEN
        self.why = ""
        self.operation: str | None = None  # whose 2xx opens a set-up hold
        self.probe_at: float | None = None  # when the next probe is due; None while one is under way
        self.since = 0.0
        self.changes: list[Change] = []
        self._allowed = concurrency.most
        self._patience = BREAKER_FIRST
        self._quota: Quota | None = None

    @property
    def held(self) -> bool:
        """Nothing is sent but probes."""
        return self.state in HELD

    @property
    def quota_until(self) -> float | None:
        """When the vendor's quota is renewed, Unix seconds; ``None`` where it said nothing of one."""
        return None if self._quota is None else self._quota.until

    def room(self, now: float) -> int:
        """How many requests may be open while the lane flows."""
        limit = self.concurrency.room
        if self._allowed < limit:
            limit = self._allowed
        if self._quota is None:
            return limit
        if now >= self._quota.until:
            self._quota = None
            return limit
        return min(limit, self._quota.left)

    def signal(self, signal: Signal, now: float, why: str = "", *, wait: float | None = None) -> bool:
        """``True`` when the state changed by it. ``wait``: seconds until the first probe, where somebody said so."""
        after = TRANSITIONS.get((self.state, signal))
        if after is None:
            return False
        self.changes.append(Change(self.state, after, why))
        self.state, self.why, self.since = after, why, now
        self._enter(now, wait)
        return True

    def _enter(self, now: float, wait: float | None) -> None:
        match self.state:
            case State.LIMITED:
                self.probe_at = now + _limit(wait)
            case State.SETUP:
                self.probe_at = now  # at once, then every minute
            case State.LOGIN:
                self.probe_at = now + (wait or 0.0)
            case State.BREAKER:
                self._patience = BREAKER_FIRST
                self.probe_at = now + self._patience
            case State.REJECT_GUARD:
                self.probe_at = now + GUARD_EVERY
            case State.SLOW_START:
                self._allowed = 1
                self.probe_at = self.operation = self._quota = None
            case State.OPEN:
                self._allowed = self.concurrency.most
            case _:  # pragma: no cover
                assert_never(self.state)

    def probe_due(self, now: float) -> bool:
        """May one request go out to try?"""
        return self.probe_at is not None and now >= self.probe_at

    def probing(self) -> None:
        """A probe is under way; there is one at a time."""
        self.probe_at = None

    def probe_failed(self, now: float, wait: float | None = None) -> None:
        """It did not open the lane; ``wait``: seconds that the vendor asked for."""
        match self.state:
            case State.LIMITED:
                self.probe_at = now + _limit(wait)
            case State.SETUP:
                self.probe_at = now + SETUP_EVERY
            case State.LOGIN:
                self.probe_at = now + (LIMIT_UNSAID if wait is None else wait)
            case State.BREAKER:
                self._patience = min(self._patience * 2, BREAKER_LONGEST)
                self.probe_at = now + max(self._patience, wait or 0.0)
            case State.REJECT_GUARD:
                self.probe_at = now + GUARD_EVERY
            case State.OPEN | State.SLOW_START:
                pass  # the lane was opened by somebody else's answer
            case _:  # pragma: no cover
                assert_never(self.state)

    def probe_said_nothing(self, now: float) -> None:
        """Its flow ended without the operation that is asked about: another user, at once."""
        if self.held:
            self.probe_at = now

    def answered_well(self, now: float) -> None:
        """One more answer after a hold: 1, 2, 4, … may be open."""
        if self.state is State.SLOW_START:
            self._allowed += 1
            if self._allowed >= self.concurrency.limit:
                self.signal(Signal.CAUGHT_UP, now)

    def quota(self, quota: Quota, now: float) -> None:
        """What a limit header said of the next requests; 0 holds."""
        lasts = min(max(0.0, quota.until - now), LONGEST_WAIT)  # in this order 0 for what is not a number
        if quota.left <= 0:
            self.signal(Signal.OVER_LIMIT, now, "the vendor's quota is used up", wait=lasts)
        elif not self.held:
            self._quota = Quota(quota.left, now + lasts)


def _limit(wait: float | None) -> float:
    return LIMIT_UNSAID if wait is None else min(max(wait, LIMIT_SHORTEST), LONGEST_WAIT)
