"""Simulated destinations, with scripted latencies and limits, and a lane that is nothing but its concurrency.

Time is virtual: an hour of requests takes as long as their number needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random
from statistics import fmean
from typing import Literal

from worker.core.concurrency import Concurrency

Answer = Literal["well", "refused", "failed"]
Latency = Callable[[float, Random], float]  # at a time → seconds


@dataclass
class Destination:
    """``latency`` of each request by itself. Of more than ``servers`` requests, the others wait for their turn.

    Where more than ``refuses_above`` are open, the next is refused, after ``refusal_takes`` seconds.
    """

    latency: Latency
    servers: Callable[[float], float] = lambda now: float("inf")
    refuses_above: Callable[[float], float] = lambda now: float("inf")
    refusal_takes: float = 0.001
    refusal: Answer = "refused"
    fails: float = 0.0  # share of requests that fail, whatever is open
    failure: Answer = "failed"
    operation: Callable[[Random], str] = lambda random: "write"


@dataclass
class Request:
    operation: str
    sent: float


@dataclass
class Run:
    """What happened: ``levels`` are (time, limit); ``ends`` are (time, what came of it, seconds)."""

    levels: list[tuple[float, int]] = field(default_factory=list)
    ends: list[tuple[float, Answer, float]] = field(default_factory=list)
    most_open: int = 0

    def rate(self, since: float, until: float) -> float:
        """Answers a second."""
        return sum(1 for at, what, _ in self.ends if since <= at < until and what == "well") / (until - since)

    def share(self, what: Answer, since: float = 0.0, until: float = float("inf")) -> float:
        within = [end for at, end, _ in self.ends if since <= at < until]
        return within.count(what) / len(within)

    def latency(self, since: float, until: float) -> float:
        """Mean seconds."""
        return fmean(seconds for at, what, seconds in self.ends if since <= at < until and what == "well")

    def limits(self, since: float = 0.0, until: float = float("inf")) -> list[int]:
        """The limit at each hundredth of the span."""
        until = min(until, self.ends[-1][0])
        return [self.limit_at(since + (until - since) * part / 100) for part in range(100)]

    def limit_at(self, when: float) -> int:
        found = 1
        for at, limit in self.levels:
            if at > when:
                break
            found = limit
        return found

    def reached(self, limit: int) -> float:
        """When the limit was so high."""
        return next(at for at, level in self.levels if level >= limit)


class Lane:
    """Sends as much as the limit allows, and as much as ``feed`` has: requests a second at a time; None: any number."""

    def __init__(
        self,
        destination: Destination,
        *,
        feed: Callable[[float], float | None] = lambda now: None,
        most: int = 2_000,
        seed: int = 1,
    ) -> None:
        self.limiter = Concurrency(most, adaptive=True)
        self.destination = destination
        self.now = 0.0
        self.run = Run()
        self._feed = feed
        self._random = Random(seed)
        self._open = 0
        self._fed_at = 0.0  # when the next request is there
        self._fed = False
        self._waiting: deque[Request] = deque()
        self._served = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._ties: Iterator[int] = count()

    def serve(self, seconds: float) -> Run:
        until = self.now + seconds
        self._send()
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heappop(self._due)
            act()
        self.now = until
        return self.run

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heappush(self._due, (when, next(self._ties), act))

    def _send(self) -> None:
        while self._open < self.limiter.room and self._is_fed():
            self._ask(Request(self.destination.operation(self._random), self.now))
        self.run.most_open = max(self.run.most_open, self._open)

    def _is_fed(self) -> bool:
        rate = self._feed(self.now)
        if rate is None:
            return True
        if self.now < self._fed_at:
            return False  # it is on its way
        if self._fed:
            self._fed = False
            return True
        self._fed_at = max(self._fed_at + 1 / rate, self.now) if rate else self.now + 1.0
        self._at(self._fed_at, self._feed_one if rate else self._send)
        return False

    def _feed_one(self) -> None:
        self._fed = True
        self._send()

    def _ask(self, request: Request) -> None:
        self._open += 1
        there = self.destination
        if self._served + len(self._waiting) >= there.refuses_above(self.now):
            self._at(self.now + there.refusal_takes, lambda: self._heard(request, there.refusal))
        elif self._served >= there.servers(self.now):
            self._waiting.append(request)
        else:
            self._serve(request)

    def _serve(self, request: Request) -> None:
        self._served += 1
        there = self.destination
        takes = there.latency(self.now, self._random) * (10.0 if request.operation == "slow" else 1.0)
        what: Answer = there.failure if self._random.random() < there.fails else "well"

        def done() -> None:
            self._served -= 1
            if self._waiting and self._served < there.servers(self.now):
                self._serve(self._waiting.popleft())
            self._heard(request, what)

        self._at(self.now + takes, done)

    def _heard(self, request: Request, what: Answer) -> None:
        limiter = self.limiter
        seconds = self.now - request.sent
        self.run.ends.append((self.now, what, seconds))
        match what:
            case "well":
                limiter.answered(request.operation, seconds, self._open, self.now)
            case "refused":
                limiter.refused(request.sent, self._open, self.now)
            case "failed":
                limiter.failed(request.sent, self._open, self.now)
        self._open -= 1
        if not self.run.levels or self.run.levels[-1][1] != limiter.limit:
            self.run.levels.append((self.now, limiter.limit))
        self._send()
