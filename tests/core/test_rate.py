"""Slots: at most so many requests in any window, of however many workers, however partitions move."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.core.rate import LATE, LEAST_NAP, RESERVE, Pace, Rate
from worker.core.records import TopicPartition

NOW = 1_800_000_000.0
TOPICS: Mapping[str, int] = {"events": 12, "orders": 5, "relay.wigzo.replay": 5}
ALL = [TopicPartition(topic, number) for topic, count in TOPICS.items() for number in range(count)]


def a_pace(rate: Rate, *owned: TopicPartition, topics: Mapping[str, int] = TOPICS, now: float = NOW) -> Pace:
    pace = Pace(rate)
    pace.share(owned, topics, now)
    return pace


def spent(pace: Pace, seconds: float, since: float = NOW) -> list[float]:
    """When requests leave where there is always one: at once when a slot is due."""
    now, times = since, []
    while now < since + seconds:
        while pace.is_due(now):
            pace.spend(now)
            times.append(now)
        later = pace.wake_at(now)
        now = since + seconds if later is None else later
    return times


def most_in_a_window(times: list[float], rate: Rate) -> int:
    times = sorted(times)
    return max((sum(begin <= at < begin + rate.per - 1e-6 for at in times) for begin in times), default=0)


RATES = st.builds(Rate, st.integers(1, 8), st.sampled_from([1.0, 60.0, 3600.0]))
LATENESS = st.sampled_from(
    [-RESERVE, 0.0, LATE / 2, LATE - 1e-9, 0.3]
)  # of the vendor's period, beyond a slot's beginning
MOVES = st.tuples(st.sampled_from([ALL, ALL[:11], ALL[::2], ALL[:1]]), st.integers(0, 2))
STEPS = st.lists(st.tuples(LATENESS, st.sampled_from([7, 7, 7, 1, 6]), st.none() | MOVES), min_size=10, max_size=60)
SKEWS = st.tuples(*[st.sampled_from([0.0, RESERVE / 2, RESERVE])] * 3)


@settings(max_examples=400)
@given(rate=RATES, skews=SKEWS, steps=STEPS)
def test_no_window_holds_more_than_the_limit_however_partitions_move_between_workers(
    rate: Rate, skews: tuple[float, ...], steps: list[tuple[float, int, tuple[list[TopicPartition], int] | None]]
) -> None:
    """Each step: a slot begins; a little later some workers have work, and send all they may; partitions may move.

    Their clocks are as near to each other as is asked for.
    """
    owned: list[set[TopicPartition]] = [set(ALL), set(), set()]
    paces = [a_pace(rate, *each, now=NOW - 1.0) for each in owned]
    time, times = NOW, []

    def work(working: int) -> None:
        for number, pace in enumerate(paces):
            now = time + skews[number] * rate.per
            pace.share(owned[number], TOPICS, now)
            while working >> number & 1 and pace.is_due(now):
                pace.spend(now)
                times.append(time)

    for late, working, move in steps:
        time = ceil(time / rate.slot + 0.5) * rate.slot + late * rate.per
        work(working)
        if move is not None:
            moved, to = move
            for each, pace in zip(owned, paces, strict=True):
                for partition in each.intersection(moved):
                    each.discard(partition)
                    pace.drop(partition)
            owned[to].update(moved)
            work(working)
    assert most_in_a_window(times, rate) <= rate.requests


@pytest.mark.parametrize("rate", [Rate(100, 60.0), Rate(20, 1.0), Rate(3000, 1.0), Rate(1, 3600.0)], ids=str)
@pytest.mark.parametrize("workers", [1, 2, 4, 22])
def test_the_limit_is_used_but_for_a_twentieth_where_there_is_work(rate: Rate, workers: int) -> None:
    periods = 40 if rate.requests < 1000 else 2
    paces = [a_pace(rate, *ALL[number::workers]) for number in range(workers)]
    times = [at for pace in paces for at in spent(pace, periods * rate.per)]
    assert 0.95 * rate.requests * periods - 1 <= len(times) <= rate.requests * periods
    if rate.requests < 1000:
        assert most_in_a_window(times, rate) <= rate.requests


def test_requests_leave_evenly() -> None:
    times = spent(a_pace(Rate(100, 60.0), *ALL), 300.0)
    assert [pytest.approx(0.63)] * 475 == [later - earlier for earlier, later in pairwise(times)]


@given(st.integers(1, 40), st.integers(1, 6))
def test_neighbours_have_slots_far_apart(count: int, workers: int) -> None:
    """Who owns a quarter of the partitions, side by side, does not wait for all the others one after another."""
    rate, topics = Rate(100, 60.0), {"events": count}
    owned = [TopicPartition("events", number) for number in range(-(-count // workers))]
    times = spent(a_pace(rate, *owned, topics=topics), 20 * count * rate.slot)
    longest = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
    assert longest <= 4 * rate.slot * count / len(owned) + 1e-6


def test_a_share_is_the_part_of_all_partitions_of_all_topics() -> None:
    times = spent(a_pace(Rate(100, 60.0), *ALL[:11]), 600.0)
    assert len(times) == pytest.approx(100 * 10 / 1.05 * 11 / 22, abs=2)


def test_what_comes_new_counts_as_just_spent() -> None:
    pace = a_pace(Rate(100, 60.0), *ALL, now=NOW)
    assert not pace.is_due(NOW)
    assert pace.is_due(NOW + 0.64)


def test_a_slot_that_nobody_needed_can_be_used_a_little_later_and_then_no_more() -> None:
    rate = Rate(100, 60.0)
    pace = a_pace(rate, *ALL)
    later = NOW + 3600.0
    times = [at for at in spent(pace, 0.001, since=later) if at == later]
    assert len(times) in (int(60 * LATE / rate.slot), int(60 * LATE / rate.slot) + 1)


def test_a_partition_that_has_gone_takes_its_slots_along() -> None:
    pace = a_pace(Rate(100, 60.0), *ALL[:2])
    for each in ALL[:2]:
        pace.drop(each)
    assert (False, None) == (pace.is_due(NOW + 3600.0), pace.wake_at(NOW))


def test_until_it_is_known_how_many_partitions_there_are_nothing_is_sent() -> None:
    pace = a_pace(Rate(100, 60.0), *ALL, topics={})
    assert not pace.is_due(NOW + 60.0)
    pace.share(ALL, TOPICS, NOW + 60.0)
    assert pace.is_due(NOW + 61.0)


def test_fast_slots_are_used_several_at_a_time() -> None:
    pace = a_pace(Rate(3000, 1.0), *ALL)
    times = spent(pace, 1.0)
    assert len({*times}) <= 1 / LEAST_NAP + 1


def test_the_same_again_forgets_no_slot() -> None:
    """The share is said again and again, whether it has changed or not."""
    pace = a_pace(Rate(100, 60.0), *ALL)
    pace.share(ALL, dict(TOPICS), NOW + 1.0)
    assert pace.is_due(NOW + 1.0)
