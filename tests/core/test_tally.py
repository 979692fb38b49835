from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.tally import EVENTS, SECONDS, Histogram, Tally


@pytest.mark.parametrize(
    ("value", "counts"),
    [(0.5, [1, 0, 0]), (1.0, [1, 0, 0]), (1.1, [0, 1, 0]), (5.0, [0, 1, 0]), (5.1, [0, 0, 1]), (-1.0, [1, 0, 0])],
)
def test_a_value_is_counted_in_the_first_bucket_that_holds_it(value: float, counts: list[int]) -> None:
    histogram = Histogram((1.0, 5.0))
    histogram.observe(value)
    assert (counts, value, 1) == (histogram.counts, histogram.sum, histogram.count)


@given(st.lists(st.integers(0, 20_000)))
def test_every_value_is_counted_once(values: list[int]) -> None:
    histogram = Histogram(EVENTS)
    for value in values:
        histogram.observe(value)
    assert (len(values), sum(values)) == (histogram.count, histogram.sum)
    upto = [sum(histogram.counts[: at + 1]) for at in range(len(EVENTS))]
    assert [sum(value <= bound for value in values) for bound in EVENTS] == upto


@pytest.mark.parametrize("bounds", [SECONDS, EVENTS])
def test_bounds_ascend(bounds: tuple[float, ...]) -> None:
    assert sorted(set(bounds)) == list(bounds)


def test_settled_events_are_counted_by_outcome_and_reason() -> None:
    tally = Tally()
    tally.settle("delivered", "")
    tally.settle("delivered", "unchanged")
    tally.settle("filtered", "type", 3)
    tally.settle("filtered", "type")
    assert {("delivered", ""): 1, ("delivered", "unchanged"): 1, ("filtered", "type"): 4} == tally.settled


def test_each_operation_has_one_histogram() -> None:
    tally = Tally()
    tally.duration_of("track").observe(0.2)
    tally.duration_of("track").observe(0.3)
    tally.duration_of("identify").observe(1.0)
    assert {"track": 2, "identify": 1} == {name: one.count for name, one in tally.request_duration.items()}


def test_two_lanes_count_apart() -> None:
    first, second = Tally(), Tally()
    first.batch_events.observe(1.0)
    first.held_seconds["login"] += 1.0
    assert (0, {}) == (second.batch_events.count, second.held_seconds)
