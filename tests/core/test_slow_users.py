"""Users who are answered late hold a share of the open requests, and keep the others from nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.builders import a_policy
from tests.core.virtual import START, TIMEOUT, Arrival, Vendor, Virtual
from worker.core.slow_users import MOST, SlowUsers

LATENCY = 0.05
LATE = 2.0
USERS = 1_200


def is_sick(arrival: Arrival) -> bool:
    return int(arrival.key[1:]) % 10 == 0


def sick_after(seconds: float) -> Callable[[Arrival], float]:
    """A tenth of the users is answered late, from then on."""
    return lambda one: LATE if is_sick(one) and one.at > START + seconds else LATENCY


def a_lane(sick_from: float, *, events: int, **fields: object) -> Virtual:
    policy = a_policy(integration="Model", **{"concurrency": 100, **fields})
    lane = Virtual(policy=policy, latency=sick_after(sick_from), books_every=10_000)
    for number in range(events):
        lane.write(f"u{number * 7 % USERS}")
    return lane


def healthy(lane: Virtual, since: float, until: float) -> float:
    """Healthy users' events a second."""
    found = [one for one in lane.vendor.accepted if since <= one.at - START < until and int(one.key[1:]) % 10]
    return len(found) / (until - since)


def test_a_tenth_of_slow_users_leave_the_others_four_fifths_of_their_rate() -> None:
    well = a_lane(1e9, events=15_000)
    well.run(6.0)
    slow = a_lane(1.0, events=15_000)
    slow.run(6.0)
    assert healthy(slow, 3.5, 5.5) >= 0.8 * healthy(well, 3.5, 5.5)
    assert all(one.at > 0 for one in slow.vendor.accepted)


@pytest.mark.parametrize("concurrency", [100, "auto"])
def test_where_all_fit_nobody_waits_for_slow_users(concurrency: object) -> None:
    lane = a_lane(5.0, events=0, concurrency=concurrency, max_concurrency=100)
    a_tick, begin, end = 30, 15.0, 20.0  # events in 0.1 s: 62 requests are open for the slow users, 27 for the others
    written: dict[str, float] = {}
    for number in range(round(end / 0.1)):
        for event in range(a_tick * number, a_tick * (number + 1)):
            written[lane.write(f"u{event * 7 % USERS}")] = lane.now
        lane.run(0.1)
    counted = [one for one in lane.vendor.accepted if begin <= written[one.id] - START < end - 1.0]
    assert 10 * a_tick * (end - 1.0 - begin) == len(counted)
    assert max(one.at - written[one.id] for one in counted) < 0.1 * LATENCY


def test_slow_users_get_what_the_others_do_not_need() -> None:
    lane = a_lane(-1.0, events=1_200, concurrency=60)
    lane.finish()
    waits = sorted(one.at - START for one in lane.vendor.accepted if not int(one.key[1:]) % 10)
    assert 120 == len(waits)
    assert waits[-1] <= 120 * LATE / (0.8 * 60) + 3 * LATE


def test_everybody_s_turn_comes_and_order_stands() -> None:
    lane = a_lane(0.2, events=3_000, concurrency=1)
    lane.latency = lambda one: 0.4 if is_sick(one) else 0.01
    lane.finish()
    assert lane.written == lane.vendor.by_user


def test_with_one_request_at_a_time_a_slow_user_waits_for_no_more_than_its_turn() -> None:
    lane = a_lane(0.0, events=0, concurrency=1)
    lane.latency = lambda one: LATE if one.key == "u0" else LATENCY
    for number in range(100):
        lane.write(f"u{number % 10}")
    lane.finish()
    order = [one.id for one in lane.vendor.accepted]
    assert sorted(order, key=lambda one: int(one[1:])) == order


def test_a_user_who_gets_no_answer_at_all_is_slow() -> None:
    lane = Virtual(
        Vendor(lambda one: TIMEOUT if one.key == "u0" and one.at < START + 60 else None),
        policy=a_policy(integration="Model", concurrency=4),
        latency=lambda one: 10.0 if one.key == "u0" and one.at < START + 60 else LATENCY,
    )
    for number in range(400):
        lane.write(f"u{number % 8}")
    lane.run(20.0)
    assert lane.lane._queues.slow.keys.keys() == {"u0"}
    lane.finish()
    assert not lane.lane._queues.slow.keys


def test_only_so_many_users_are_remembered() -> None:
    slow = SlowUsers()
    for number in range(MOST + 5):
        slow.judge(f"u{number}", slow=True)
    slow.judge(f"u{MOST}", slow=True)
    assert MOST == len(slow.keys)
    assert "u4" not in slow.keys
    assert f"u{MOST + 4}" in slow.keys
    slow.judge("u7", slow=False)
    assert "u7" not in slow.keys


@pytest.mark.parametrize(("others", "room"), [(0, 80), (40, 50), (1_000, 20)])
def test_what_is_kept_for_the_others_follows_what_they_need(others: int, room: int) -> None:
    slow = SlowUsers()
    slow._others = float(others)
    slow._slow = room - 1
    assert slow.have_room(100)
    slow._slow = room
    assert not slow.have_room(100)
