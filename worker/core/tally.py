"""One lane's counters: plain numbers on the hot path, handed to Prometheus when it scrapes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Literal

from worker.core.records import TopicPartition

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 14400.0)
EVENTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)

OutcomeName = Literal["delivered", "filtered", "skipped", "dead-lettered"]
PendingState = Literal["ready", "open", "sleeping", "behind its user", "dead-lettering"]
Cause = Literal[
    "unknown outcome", "drain's bound", "cut flow", "flow begun again", "merge taken apart", "lost partition", "crash"
]


class Histogram:
    """Counts by bucket; ``counts`` has one more entry than ``bounds`` (above the last one). Bounds are inclusive."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self.counts)


@dataclass(slots=True)
class Tally:
    """What one lane has done since it began. Each field is a metric of ``worker.metrics``, by the same name."""

    consumed: Counter[str] = field(default_factory=Counter)  # by topic
    settled: Counter[tuple[OutcomeName, str]] = field(default_factory=Counter)  # by outcome and reason
    released: int = 0
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)  # by operation and status ("200", "timeout")
    request_duration: dict[str, Histogram] = field(default_factory=dict)  # by operation
    delivery_latency: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    held_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))  # by reason
    retries: Counter[str] = field(default_factory=Counter)  # by reason
    dead_letters: Counter[str] = field(default_factory=Counter)  # by reason
    possibly_repeated: Counter[Cause] = field(default_factory=Counter)
    commits: Counter[str] = field(default_factory=Counter)  # by result
    rebalances: int = 0
    lost_to_retention: Counter[str] = field(default_factory=Counter)  # by topic
    metadata_ignored: int = 0
    passed_over: int = 0  # events that the offset map knew as settled
    batch_events: Histogram = field(default_factory=lambda: Histogram(EVENTS))
    merged_events: Histogram = field(default_factory=lambda: Histogram(EVENTS))

    def settle(self, outcome: OutcomeName, reason: str, events: int = 1) -> None:
        self.settled[outcome, reason] += events

    def duration_of(self, operation: str) -> Histogram:
        found = self.request_duration.get(operation)
        if found is None:
            found = self.request_duration[operation] = Histogram(SECONDS)
        return found


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One assigned partition. ``unsettled`` counts events; ``lag`` needs the log's end, which the adapter adds."""

    committable: int
    settled_ahead: int
    unsettled: int
    paused: bool
    map_chars: int


@dataclass(frozen=True, slots=True)
class Status:
    """How a lane stands at one moment: the gauges, the status page and the log lines are made from it."""

    state: str  # "open", "slow start", or the hold's name: "limited", "set-up", "login", "breaker"
    why: str  # a sentence for people, without personal data
    held_since: float | None  # Unix seconds, while it holds
    until: float | None  # when the next probe is due, Unix seconds
    pending: dict[PendingState, int]
    oldest_pending: float | None  # Kafka timestamp (Unix seconds) of the lowest unsettled record
    keys_failing: int
    next_give_up: float | None  # Unix seconds, from which on the first failing event is given up
    at_risk: int  # events that a crash now would repeat at most
    limited_by: frozenset[str]  # the names of docs/metrics.md
    requests_open: int  # to the destination, at this moment
    concurrency_limit: int  # how many may be
    imbalance: int  # consumed − (settled + released + pending): 0
    partitions: dict[TopicPartition, PartitionStatus]
