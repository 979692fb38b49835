"""How many retries may go out: a destination in trouble is not to be asked more than one that is well."""

from __future__ import annotations

from collections import deque
from typing import Final

SPAN: Final = 10  # seconds of requests that are looked at
SHARE: Final = 0.05
ALWAYS: Final = 10  # in each second


class RetryBudget:
    """Retries that fail are at most 5 % of the requests of the last 10 s, but 10 a second are always allowed.

    One that does well costs nothing: whoever recovers does so at full speed, and a destination that fails one request
    in five, whoever asks, stays within it. (With a fifth, and for all of them, a thousand sick users cost the healthy
    ones an eighth of a busy worker's time for the first half minute, and ten thousand took minutes to recover.)

    ``requests`` is a plain number that whoever sends counts up: a request costs an addition.
    """

    __slots__ = ("_buckets", "_retries", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self._buckets: deque[list[int]] = deque()  # [second, requests before it, retries in it]
        self._retries = 0  # in all buckets

    def spend(self, now: float) -> bool:
        """Take one retry, where there is one."""
        bucket = self._bucket(now)
        if bucket[2] >= ALWAYS and self._retries >= SHARE * (self.requests - self._buckets[0][1]):
            return False
        bucket[2] += 1
        self._retries += 1
        return True

    def did_well(self) -> None:
        """A retry had what it wanted: it is given back."""
        for bucket in reversed(self._buckets):
            if bucket[2]:
                bucket[2] -= 1
                self._retries -= 1
                return

    def renewed(self, now: float) -> float:
        """When there is one again at the latest."""
        return int(now) + 1.0

    def _bucket(self, now: float) -> list[int]:
        second = int(now)
        buckets = self._buckets
        if buckets and buckets[-1][0] >= second:
            return buckets[-1]
        buckets.append([second, self.requests, 0])
        while buckets[0][0] <= second - SPAN:
            self._retries -= buckets.popleft()[2]
        return buckets[-1]
