"""A lane that finds out by itself how much its destination takes at once."""

from __future__ import annotations

from mappings.contract import Response
from tests.builders import a_policy
from tests.core.virtual import START, Answer, Arrival, Virtual
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
