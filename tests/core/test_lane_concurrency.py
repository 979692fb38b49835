"""A lane that finds out by itself how much its destination takes at once."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from mappings.contract import Response
from tests.builders import a_policy
from tests.core.virtual import START, TIMEOUT, Answer, Arrival, Virtual
from worker.core.holds.states import State


def a_lane(events: int, *, most: int = 64, vendor: object = None) -> Virtual:
    policy = a_policy(integration="Model", concurrency="auto", max_concurrency=most)
    lane = Virtual(vendor if callable(vendor) else None, policy=policy, books_every=1_000)
    for number in range(events):
        lane.write(f"u{number}")
    return lane


def test_requests_double_until_the_most_that_is_allowed() -> None:
    lane = a_lane(2_000)
    lane.run(0.12)
    assert "concurrency" in lane.lane.standing().limited_by
    assert lane.lane.standing().requests_open == lane.lane.standing().concurrency_limit < 64
    lane.run(0.5)
    assert (64, 64) == (lane.lane.standing().requests_open, lane.lane.standing().concurrency_limit)
    assert "concurrency" not in lane.lane.standing().limited_by, "it is our own setting"
    lane.finish()
    assert 64 == lane.most_open


def test_a_destination_that_refuses_more_is_not_held_for_it() -> None:
    """One refusal lowers the limit at once, so the next one comes long after others were served."""

    def vendor(arrival: Arrival) -> Answer:
        return Response(429) if len(lane.open) > 40 else lane.vendor.hear(arrival)

    lane = a_lane(0)
    lane._hear = vendor
    for number in range(3_000):
        lane.write(f"u{number}")
    lane.run(3.0)
    assert State.OPEN is lane.lane.state
    assert 20 <= lane.lane.standing().concurrency_limit <= 40
    lane.finish()
    assert 3_000 == len(lane.vendor.accepted)


def test_a_destination_that_fails_where_more_is_open_is_not_taken_for_one_that_is_down() -> None:
    """What was open too much fails in a row, all at once: that has lowered the limit, and is no outage."""

    def vendor(arrival: Arrival) -> Answer:
        return Response(503) if len(lane.open) > 40 else lane.vendor.hear(arrival)

    lane = a_lane(0, most=256)
    lane._hear = vendor
    for number in range(3_000):
        lane.write(f"u{number}")
    states: set[State] = set()

    def look() -> bool:
        states.add(lane.lane.state)
        return False

    lane.run(3.0, until=look)
    assert {State.OPEN} == states
    assert 20 <= lane.lane.standing().concurrency_limit <= 40
    lane.finish()
    assert 3_000 == len(lane.vendor.accepted)


def test_after_a_hold_it_begins_with_one_again_and_doubles_to_what_was_found() -> None:
    lane = a_lane(0)
    lane._hear = lambda arrival: Response(500) if START + 1 < arrival.at < START + 3 else lane.vendor.hear(arrival)
    for number in range(6_000):
        lane.write(f"u{number}")
    lane.run(2.9)
    assert State.BREAKER is lane.lane.state
    lane.run(20.0, until=lambda: lane.lane.state is State.SLOW_START)
    assert 2 >= len(lane.open)
    lane.finish()
    assert 6_000 == len(lane.vendor.accepted)


@pytest.mark.parametrize("seed", range(3))
def test_users_who_are_down_cost_nobody_else_a_place(seed: int) -> None:
    """Of who fails already, more and more tries fail, and fewer where less is open: that would pass for a limit."""
    lane = a_lane(0, most=100)
    lane.random.seed(seed)
    lane._hear = lambda arrival: Response(500) if arrival.key.endswith("0") else lane.vendor.hear(arrival)
    chance = Random(seed)
    for _ in range(20_000):
        lane.write(f"u{chance.randrange(20_000)}")
    lane.run(1.0)
    limits = []
    for _ in range(8):
        lane.run(1.0)
        limits.append(lane.lane.standing().concurrency_limit)
    assert min(limits) >= 80
    assert len(lane.vendor.accepted) >= 9 * 0.8 * 100 / 0.05


TAKES_TIME_OUT = 10.0


@pytest.mark.parametrize(("spread", "time_outs"), [(0.0, 2), (0.01, 3)])
def test_a_destination_that_hangs_from_the_start_trips_the_breaker_after_two_time_outs(
    spread: float, time_outs: int
) -> None:
    """Or after three, where a user who failed among the first was tried again at once: that does not count."""
    lane = a_lane(0)
    lane._hear = lambda arrival: TIMEOUT
    lane.latency = lambda arrival: TAKES_TIME_OUT + spread * lane.random.random()
    for number in range(180):
        lane.write(f"u{number % 30}")
    assert lane.run(time_outs * TAKES_TIME_OUT + 0.1, until=lambda: lane.lane.state is State.BREAKER)
    lane._hear, lane.latency = lane.vendor.hear, 0.05
    lane.run(120.0, until=lambda: lane.lane.state is State.OPEN)
    assert State.OPEN is lane.lane.state
    lane.finish()
    assert 180 == len(lane.vendor.accepted)


@pytest.mark.parametrize("at_most", [17, 40, 200])
def test_a_destination_that_goes_down_trips_the_breaker_within_round_trips(at_most: int) -> None:
    """Five of them: half of what is open is tried before it is an outage, and users who were retried do not count."""
    lane = a_lane(0, most=at_most)
    lane._hear = lambda arrival: lane.vendor.hear(arrival) if arrival.at < START + 2 else Response(500)
    for number in range(40 * at_most + 2_000):
        lane.write(f"u{number}")
    lane.run(2.0)
    assert at_most == lane.lane.standing().concurrency_limit
    assert lane.run(0.3, until=lambda: lane.lane.state is State.BREAKER)


def within(at_most: int, lane: Virtual, refusal: Answer) -> Callable[[Arrival], Answer]:
    """It serves so many at once, for 50 ms; more are answered after 1 ms."""
    serves: set[str] = set()

    def hear(arrival: Arrival) -> Answer:
        serves.intersection_update(send.request.url for send in lane.open)
        if len(serves) >= at_most:
            return refusal
        serves.add(arrival.send.request.url)
        return lane.vendor.hear(arrival)

    lane.latency = lambda arrival: 0.05 if arrival.send.request.url in serves else 0.001
    return hear


@pytest.mark.parametrize("refusal", [Response(429), Response(503)], ids=["429", "503"])
@pytest.mark.parametrize("at_most", [1, 2, 3, 8])
def test_a_destination_that_takes_few_at_once_is_served_well_from_the_start(at_most: int, refusal: Response) -> None:
    lane = a_lane(0, most=256)
    refused = 0
    hear = within(at_most, lane, refusal)

    def count(arrival: Arrival) -> Answer:
        nonlocal refused
        answer = hear(arrival)
        refused += answer is refusal
        return answer

    lane._hear = count
    for number in range(60 * at_most * 20):
        lane.write(f"u{number}")
    states: set[State] = set()

    def look() -> bool:
        states.add(lane.lane.state)
        return False

    lane.run(30.0, until=look)
    assert {State.OPEN} == states
    assert len(lane.vendor.accepted) >= 0.85 * 30 * at_most / 0.05
    assert refused <= 30 + 0.02 * len(lane.vendor.accepted)
