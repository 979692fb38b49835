"""The circuit breaker: is the destination as a whole down?"""

from __future__ import annotations

from collections import deque
from typing import Final

IN_A_ROW: Final = 20  # failures of different users
SPAN: Final = 30  # seconds of first attempts that are looked at
AT_LEAST: Final = 20
SHARE: Final = 0.7


class Breaker:
    """Counts first attempts only: the retries of the sick say nothing about the others.

    Time is counted in buckets of one second, so that a success costs an addition.
    """

    __slots__ = ("_buckets", "_failed", "_row", "_tried")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Nothing is known: after a hold, the past says nothing."""
        self._row: set[object] = set()
        self._buckets: deque[list[int]] = deque()  # [second, tried, failed]
        self._tried = self._failed = 0

    def succeeded(self, now: float) -> None:
        """A first attempt was answered well."""
        if self._row:
            self._row.clear()
        self._bucket(now)[1] += 1
        self._tried += 1

    def failed(self, user: object, now: float, *, explained: bool = False) -> bool:
        """A first attempt failed; has the breaker tripped with it?

        ``explained``: too much was open when it was sent, and less is now. Those come in a row, and say no more of the
        destination than the first of them.
        """
        if not explained:
            self._row.add(user)
        bucket = self._bucket(now)
        bucket[1] += 1
        bucket[2] += 1
        self._tried += 1
        self._failed += 1
        return len(self._row) >= IN_A_ROW or (self._tried >= AT_LEAST and self._failed >= SHARE * self._tried)

    def _bucket(self, now: float) -> list[int]:
        second = int(now)
        buckets = self._buckets
        if buckets and buckets[-1][0] >= second:
            return buckets[-1]
        while buckets and buckets[0][0] <= second - SPAN:
            _, tried, failed = buckets.popleft()
            self._tried -= tried
            self._failed -= failed
        buckets.append([second, 0, 0])
        return buckets[-1]
