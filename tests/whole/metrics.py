"""What a worker says at /metrics, as numbers, and whether its books balance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

PREFIX = "segment_relay_"


@dataclass(frozen=True, slots=True)
class Metrics:
    """One scrape: name (without the prefix), labels, value."""

    samples: tuple[tuple[str, dict[str, str], float], ...]

    def value(self, name: str, **labels: str) -> float:
        """The sum over the series that have these labels; 0 where there is none."""
        return sum(value for found, had, value in self.samples if found == name and labels.items() <= had.items())

    def by(self, name: str, *of: str, **labels: str) -> Counter[tuple[str, ...]]:
        """The values that are not 0, by some of their labels."""
        found: Counter[tuple[str, ...]] = Counter()
        for sample, had, value in self.samples:
            if sample == name and labels.items() <= had.items() and value:
                found[tuple(had[label] for label in of)] += int(value)
        return found

    def settled(self, destination: str) -> int:
        return int(self.value("events_settled_total", destination=destination))

    def pending(self, destination: str) -> int:
        return int(self.value("events_pending", destination=destination))

    def state(self, destination: str) -> str:
        (state,) = (had for (had,) in self.by("destination_state", "state", destination=destination))
        return state

    def balance(self, destination: str) -> tuple[int, float]:
        """What was consumed less where it went, by the counters and by the worker's own account: both are 0."""
        consumed = self.value("events_consumed_total", destination=destination)
        released = self.value("events_released_total", destination=destination)
        gone = self.settled(destination) + released + self.pending(destination)
        return int(consumed - gone), self.value("ledger_imbalance", destination=destination)


def parse(text: str) -> Metrics:
    return Metrics(
        tuple(
            (sample.name.removeprefix(PREFIX), sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )
    )
