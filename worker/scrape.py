"""How lanes are read when Prometheus scrapes: what a metric's declaration is, and what is made of it.

Lanes count in plain numbers, so a metric costs nothing on the hot path, and a series is there for as long as what it
speaks of: those of a partition that left are gone with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.core.records import TopicPartition
from worker.core.tally import Histogram, Status, Tally

FAMILIES: Final[Mapping[str, Callable[..., Metric]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class LaneView(Protocol):
    """What the metrics need of a lane. All of it is read on the lane's own loop."""

    @property
    def name(self) -> str: ...
    @property
    def reasons(self) -> Collection[str]:
        """Those of its mapping."""

    @property
    def tally(self) -> Tally: ...
    def status(self, now: float) -> Status:
        """How it stands; ``now`` is Unix seconds."""

    def log_ends(self) -> Mapping[TopicPartition, int]:
        """The end offset of each assigned partition's log, as far as it is known."""

    def topic_partitions(self) -> Mapping[str, int]:
        """How many partitions each topic has, this worker's and others', as far as it is known."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """One lane at the moment of a scrape."""

    reasons: Collection[str]
    tally: Tally
    status: Status
    log_ends: Mapping[TopicPartition, int]
    topic_partitions: Mapping[str, int]
    now: float

    def lag(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """Records that are not settled yet; what is settled ahead counts as done."""
        for partition, status in self.status.partitions.items():
            if partition in self.log_ends:
                behind = self.log_ends[partition] - status.committable - status.settled_ahead
                # Never negative: some brokers report an end that is behind what they have handed out.
                yield (partition.topic, str(partition.partition)), max(0, behind)

    def assigned(self) -> Mapping[str, int]:
        """How many partitions of each topic are this worker's: 0 where it has none."""
        owned = Counter(partition.topic for partition in self.status.partitions)
        return {topic: owned[topic] for topic in (*self.topic_partitions, *owned)}

    def oldest_pending_age(self) -> float:
        oldest = self.status.oldest_pending
        return 0.0 if oldest is None else max(0.0, self.now - oldest)


Series: TypeAlias = Iterable[tuple[tuple[str, ...], Any]]


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric of every lane.

    ``labels`` come after ``destination``; ``read`` gives their values, and the number (or the histogram).
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str  # with its prefix
    labels: tuple[str, ...]
    help: str
    read: Callable[[Scraped], Series]


class LaneCollector(Collector):
    """Reads every lane at a scrape."""

    def __init__(self, declared: Sequence[Declared], lanes: Iterable[LaneView], clock: Callable[[], float]) -> None:
        self._declared = declared
        self._lanes = lanes
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing is read while the collector is registered."""
        return [_family(declared) for declared in self._declared]

    def collect(self) -> Iterator[Metric]:
        now = self._clock()
        lanes = [(lane.name, _scraped(lane, now)) for lane in self._lanes]
        for declared in self._declared:
            family = _family(declared)
            for destination, lane in lanes:
                for labels, value in declared.read(lane):
                    _add(family, (destination, *labels), value)
            yield family


def _scraped(lane: LaneView, now: float) -> Scraped:
    return Scraped(lane.reasons, lane.tally, lane.status(now), lane.log_ends(), lane.topic_partitions(), now)


def _family(declared: Declared) -> Metric:
    return FAMILIES[declared.kind](declared.name, declared.help, labels=("destination", *declared.labels))


def _add(family: Metric, labels: tuple[str, ...], value: float | Histogram) -> None:
    if isinstance(family, HistogramMetricFamily) and isinstance(value, Histogram):
        family.add_metric(labels, buckets=list(_buckets(value)), sum_value=value.sum)
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily) and not isinstance(value, Histogram):
        family.add_metric(labels, value)


def _buckets(histogram: Histogram) -> Iterator[tuple[str, float]]:
    """Prometheus counts from below: each bucket holds all that the smaller ones do."""
    below = 0
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        below += count
        yield bound, below
