"""What the demo reads from /metrics."""

from __future__ import annotations

from collections import Counter
from math import inf

import pytest
from prometheus_client import generate_latest

from tests.builders import TIME, a_status
from worker.core.records import TopicPartition
from worker.core.tally import Status, Tally
from worker.demo.figures import Figures, quantile, read
from worker.exposition import registry


class ALane:
    """A lane that consumed four events: two delivered, one dead letter, one still open."""

    name = "wigzo"
    reasons = ("refused",)

    def __init__(self) -> None:
        self.tally = Tally()
        self.tally.consumed["events"] = 4
        self.tally.settle("delivered", "")
        self.tally.settle("delivered", "unchanged")
        self.tally.settle("dead-lettered", "refused")
        self.tally.requests["learn/event", "200"] = 2
        self.tally.requests["learn/identify", "200"] = 1
        self.tally.requests["learn/event", "503"] = 5
        self.tally.retries["503"] = 5
        self.tally.delivery_latency.observe(0.004)

    def status(self, now: float) -> Status:  # noqa: ARG002  (a lane needs it)
        return a_status(pending={"open": 1})

    def log_ends(self) -> dict[TopicPartition, int]:
        return {}

    def topic_partitions(self) -> dict[str, int]:
        return {}


def test_a_lanes_metrics_are_read_back() -> None:
    text = generate_latest(registry([ALane()], clock=lambda: TIME)).decode()
    found = read(text)["wigzo"]
    expected = Figures(
        consumed=4,
        settled=Counter(
            {("delivered", ""): 1, ("delivered", "unchanged"): 1, ("dead-lettered", "refused"): 1},
        ),
        pending=1,
        answers=Counter({"200": 3, "503": 5}),
        retries=5,
        latency=found.latency,
    )
    assert expected == found
    assert (Counter({"delivered": 2, "dead-lettered": 1}), 3, 8) == (found.outcomes, found.done, found.requests)
    assert (1, 1) == (found.latency[0.005], found.latency[inf])


@pytest.mark.parametrize(
    ("figures", "balances"),
    [
        (Figures(), True),
        (Figures(consumed=3, settled=Counter({("delivered", ""): 1}), released=1, pending=1), True),
        (Figures(consumed=3, settled=Counter({("delivered", ""): 1}), pending=1), False),
        (Figures(consumed=1, pending=1, imbalance=1), False),
    ],
)
def test_books_balance_when_all_that_came_went_somewhere(figures: Figures, balances: bool) -> None:
    assert balances == figures.balances()


@pytest.mark.parametrize(
    ("latency", "share", "expected"),
    [
        ({}, 0.5, None),
        ({0.1: 0, inf: 0}, 0.5, None),
        ({0.1: 10, inf: 10}, 0.5, 0.05),
        ({0.1: 5, 0.2: 10, inf: 10}, 0.5, 0.1),
        ({0.1: 5, 0.2: 10, inf: 10}, 0.75, 0.15),
        ({0.1: 5, inf: 10}, 0.99, 0.1),
        ({0.1: 0, 0.2: 4, inf: 4}, 1.0, 0.2),
    ],
)
def test_a_quantile_lies_evenly_between_two_bounds(
    latency: dict[float, int], share: float, expected: float | None
) -> None:
    assert expected == pytest.approx(quantile(latency, share))
