"""Partitions on their way out: their flows are finished, up to a bound, and then cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from worker.core.lane import Lane
from worker.core.records import Position, TopicPartition

CLOSING: Final = 2.0  # seconds after the bound in which what was cut is heard, and its dead letters are written

Then: TypeAlias = Callable[[Mapping[TopicPartition, Position]], None]


@dataclass(slots=True)
class _Drain:
    """Until ``deadline``; then ``then`` gets the partitions' last positions."""

    partitions: frozenset[TopicPartition]
    deadline: float
    then: Then
    cut: bool = False  # the deadline has come


@dataclass(slots=True, eq=False)
class Drains:
    """Those of one lane. ``timeout`` is seconds; ``close`` closes what is on the wire for some partitions."""

    lane: Lane
    timeout: float
    close: Callable[[frozenset[TopicPartition]], None]
    _under_way: list[_Drain] = field(default_factory=list, init=False)

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def begin(self, partitions: frozenset[TopicPartition], now: float, then: Then) -> None:
        """Nothing new is begun for these."""
        self.lane.revoke(partitions)
        self._under_way.append(_Drain(partitions, now + self.timeout, then))

    def look(self, now: float) -> None:
        """Let go whose flows are finished; cut whose bound has come."""
        for drain in list(self._under_way):
            if self.lane.drained(drain.partitions) or now >= drain.deadline + CLOSING:
                self._under_way.remove(drain)
                drain.then(self.lane.release(drain.partitions))
            elif now >= drain.deadline and not drain.cut:
                drain.cut = True
                self.lane.cut(drain.partitions)
                self.close(drain.partitions)
