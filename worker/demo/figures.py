"""What a running worker says of itself at /metrics, as numbers for the demo."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from prometheus_client.parser import text_string_to_metric_families

from worker.metrics import PREFIX


@dataclass(slots=True)
class Figures:
    """One destination. ``settled`` by outcome and reason, ``answers`` by HTTP status, ``latency`` by upper bound."""

    consumed: int = 0
    settled: Counter[tuple[str, str]] = field(default_factory=Counter)
    released: int = 0
    pending: int = 0
    imbalance: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    latency: dict[float, int] = field(default_factory=dict)

    @property
    def outcomes(self) -> Counter[str]:
        """Settled events by outcome."""
        found: Counter[str] = Counter()
        for (outcome, _), events in self.settled.items():
            found[outcome] += events
        return found

    @property
    def done(self) -> int:
        return self.settled.total()

    @property
    def requests(self) -> int:
        return self.answers.total()

    def balances(self) -> bool:
        """Everything that was consumed has gone somewhere."""
        return self.imbalance == 0 and self.consumed == self.done + self.released + self.pending


def read(text: str) -> Mapping[str, Figures]:
    """Each destination's figures, from Prometheus' text format."""
    found: dict[str, Figures] = defaultdict(Figures)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "destination" in sample.labels:
                _add(found[sample.labels["destination"]], sample.name, sample.labels, sample.value)
    return found


def _add(figures: Figures, name: str, labels: Mapping[str, str], value: float) -> None:
    match name.removeprefix(PREFIX):
        case "events_consumed_total":
            figures.consumed += int(value)
        case "events_settled_total":
            figures.settled[labels["outcome"], labels["reason"]] += int(value)
        case "events_released_total":
            figures.released += int(value)
        case "events_pending":
            figures.pending += int(value)
        case "ledger_imbalance":
            figures.imbalance += int(value)
        case "requests_total":
            figures.answers[labels["status"]] += int(value)
        case "retries_total":
            figures.retries += int(value)
        case "delivery_latency_seconds_bucket":
            figures.latency[inf if labels["le"] == "+Inf" else float(labels["le"])] = int(value)


def quantile(latency: Mapping[float, int], share: float) -> float | None:
    """Seconds within which this share of events was settled, as Prometheus reckons: in between two bounds, evenly.

    ``latency`` holds for each upper bound how many were at most that slow. ``None`` where there were none.
    """
    bounds = sorted(latency)
    if not bounds or not latency[bounds[-1]]:
        return None
    rank = share * latency[bounds[-1]]
    below, counted = 0.0, 0
    for bound in bounds:
        if latency[bound] >= rank:
            within = latency[bound] - counted
            return below if bound == inf else below + (bound - below) * (rank - counted) / within
        below, counted = bound, latency[bound]
    return below
