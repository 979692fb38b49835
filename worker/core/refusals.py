"""What a destination refuses because too much is open: when that is so, and how high the limit may go after it."""

from __future__ import annotations

from math import sqrt
from typing import Final

KNOWN_GOOD: Final = 0.9  # of the limit that was refused
FAILURES: Final = 0.02  # share of failures that says nothing
CHANCE: Final = 2.0  # standard deviations above it, and failures, that may be chance
IN_A_ROW: Final = 10  # failures, where none are usual: half of what the circuit breaker waits for
TOLERATED: Final = 2.0  # times the usual share
USUAL: Final = 0.5  # the weight of one look in what is usual
MOST_BEYOND: Final = 0.25  # share of the open ones that failures show to be too many: refusing may be quicker work
SMALL: Final = 0.3  # share of refusals that lowering the limit would surely have ended
SAME: Final = 1.5  # times a refused limit: a refusal up to there is of the same limit
PATIENCE: Final = 10.0
MOST_PATIENCE: Final = 1_280.0  # seconds until a refused limit is tried again


class Refusals:
    """A refusal (429, 503 with ``Retry-After``) is a word about the limit; a failure is one where there are many.

    What is refused whatever the limit (one user's own limit, one request in a hundred that fails) becomes usual, and
    says nothing any more. ``ceiling``: the limit may grow up to there; after a while, and each time a longer one, it is
    tried again whether the destination still refuses more.
    """

    __slots__ = (
        "_failed",
        "_highest",
        "_patience",
        "_refused",
        "_share",
        "_since",
        "_tried_again",
        "_until",
        "_usual",
        "ceiling",
    )

    def __init__(self, highest: int) -> None:
        self.ceiling = self._highest = float(highest)
        self._refused = self._failed = 0  # since the last look, of what was sent after the limit was lowered last
        self._usual = 0.0
        self._share = 0.0  # of refusals when the limit was lowered, if that was since the last look
        self._since = self._until = float("-inf")
        self._tried_again: float | None = None  # the limit that was refused once
        self._patience = PATIENCE

    def refused(self, sent: float, among: int) -> bool:
        """One more refusal, of a request sent at that time, among so many answers; are they too many?"""
        if sent <= self._since:
            return False
        self._refused += 1
        return self._refused > TOLERATED * self._usual * among

    def failed(self, sent: float, among: int, row: int) -> bool:
        """One more failure that may come of too many open requests; so many in a row."""
        if sent <= self._since:
            return False
        self._failed += 1
        if row >= IN_A_ROW and not self._usual:
            return True
        expected = (FAILURES + TOLERATED * self._usual) * among
        return self._failed > expected + CHANCE * sqrt(expected) + CHANCE

    def explains(self, sent: float) -> bool:
        """It was sent before the limit was lowered last: too much was open, as is known by now."""
        return sent <= self._since

    def backs_off(self, open_: float, among: int, now: float) -> bool:
        """So many open are too many, by what was heard of so many answers; or has it nothing to do with that?"""
        bad = self._refused + self._failed
        in_vain = self._in_vain(bad / max(among, bad))
        if not in_vain:
            self._lower(open_, among, now)
        self._refused = self._failed = 0
        return not in_vain

    def _lower(self, open_: float, among: int, now: float) -> None:
        if self._tried_again is not None:
            same = open_ < SAME * self._tried_again
            self._patience = min(2 * self._patience, MOST_PATIENCE) if same else PATIENCE
            self._tried_again = None
        beyond = min(self._failed / among, MOST_BEYOND)  # what fails has not been too much for the others
        self.ceiling = max(1.0, KNOWN_GOOD * open_ * (1 - beyond))
        self._since, self._until = now, now + self._patience

    def look(self, heard: int, now: float) -> None:
        """So many were answered under one limit."""
        bad = self._refused + self._failed
        share = bad / (bad + heard)
        if self._share or share < self._usual:
            self._usual += USUAL * (share - self._usual)
        self._in_vain(share)
        self._share = 0.0
        self._refused = self._failed = 0
        if now >= self._until and self.ceiling < self._highest:
            self._tried_again, self.ceiling = self.ceiling, self._highest

    def _in_vain(self, share: float) -> bool:
        """Where a small share was refused, less was open, and it still is: that has nothing to do with what is open."""
        before, self._share = self._share, share
        if not (0 < before < SMALL and share > before / 2):
            return False
        self._usual, self.ceiling = max(share, self._usual), self._highest
        return True
