"""A vendor's published limit, spent evenly by all workers together, without a word between them.

Time is cut into slots, each for one request, by the clock that all workers have. Slot *n* belongs to one partition, all
partitions in turn; whoever owns the partition may send one request in it. So a worker's share is its partitions ÷ all
partitions, and a partition that moves takes its slots along: however partitions move, no slot has two owners.

A share in requests ("a third of 100") would not do: rounded down a worker with few partitions has nothing, rounded up
the shares are more than the limit, and after a rebalance two workers have spent for one partition.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil, floor, gcd
from typing import Final

from worker.core.records import TopicPartition

# Shares of the vendor's period. A slot that nobody needed can be used a little later; the rest is for what differs
# between workers' clocks, and for requests that travel longer than others. Both are made up for by wider slots.
LATE: Final = 0.02
RESERVE: Final = 0.03
GOLDEN: Final = 0.618  # neighbouring partitions have slots far apart: a worker often owns neighbours
LEAST_NAP: Final = 0.003  # seconds: fast slots are used several at a time, late ones among them


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``requests`` in any ``per`` seconds."""

    requests: int
    per: float

    @property
    def slot(self) -> float:
        """Seconds from one slot to the next. No window of ``per`` seconds has more than ``requests`` of them used."""
        return self.per * (1 + LATE + RESERVE) / self.requests

    @property
    def late(self) -> float:
        """Seconds for which a slot can be used."""
        return self.per * LATE


class Pace:
    """One worker's slots. Times are Unix seconds; workers' clocks may differ by ``RESERVE`` of the vendor's period."""

    def __init__(self, rate: Rate) -> None:
        self.refused: float | None = None  # when it was said last that no slot is due, and it was so since
        self._rate = rate
        self._slot = rate.slot
        self._of = 0  # partitions in all: the slots of one turn
        self._topics: Mapping[str, int] = {}
        self._places: dict[TopicPartition, int | None] = {}  # each owned partition's place in a turn
        self._turn: list[int] = []  # all of them, in order
        self._used = 0  # this slot and all before it are over

    def share(self, owned: Collection[TopicPartition], topics: Mapping[str, int], now: float) -> None:
        """What is owned now, of how many partitions each topic has. What comes new counts as used until now."""
        if topics != self._topics or self._places.keys() != set(owned):
            self._topics, self._of = dict(topics), sum(topics.values())
            stride = _stride(self._of) if self._of else 1
            self._own({one: _place(one, topics, stride) for one in owned})
            self._used = max(self._used, floor(now / self._slot))

    def drop(self, partition: TopicPartition) -> None:
        """It is another worker's from now on."""
        self._own({one: place for one, place in self._places.items() if one != partition})

    def _own(self, places: dict[TopicPartition, int | None]) -> None:
        self._places = places
        self._turn = sorted(place for place in places.values() if place is not None)

    def is_due(self, now: float) -> bool:
        """May one request leave?"""
        slot = self._next(now)
        due = slot is not None and slot * self._slot <= now
        self.refused = None if due else now
        return due

    def spend(self, now: float) -> None:
        """It leaves: after ``is_due``, at the same time."""
        slot = self._next(now)
        assert slot is not None  # noqa: S101
        self._used = slot

    def wake_at(self, now: float) -> float | None:
        """When the next slot is due, or a little later; ``None``: nothing is owned."""
        slot = self._next(now)
        return None if slot is None else max(slot * self._slot, now + LEAST_NAP)

    def _next(self, now: float) -> int | None:
        """The first slot of ours that is not over."""
        if not self._turn:
            return None
        first = max(self._used + 1, ceil((now - self._rate.late) / self._slot))
        turn, place = divmod(first, self._of)
        at = bisect_left(self._turn, place)
        if at == len(self._turn):
            return (turn + 1) * self._of + self._turn[0]
        return turn * self._of + self._turn[at]


def _place(one: TopicPartition, topics: Mapping[str, int], stride: int) -> int | None:
    """Every worker numbers all partitions of all topics alike; ``None``: it is not known yet how many there are."""
    if one.partition >= topics.get(one.topic, 0):
        return None
    before = sum(count for topic, count in topics.items() if topic < one.topic)
    return (before + one.partition) * stride % sum(topics.values())


def _stride(of: int) -> int:
    """About the golden part of ``of``, without a common divisor: so each number has a place of its own."""
    coprime = (stride for stride in range(1, of + 1) if gcd(stride, of) == 1)
    return min(coprime, key=lambda stride: abs(stride - of * GOLDEN))
