"""Partitions leave: awake flows finish, sleeping ones are released, nothing begins, possible repeats are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from mappings.contract import Event, Flow, Response
from tests.builders import a_policy
from tests.core.virtual import (
    MINUTE,
    P0,
    P1,
    START,
    TIMEOUT,
    Answer,
    Arrival,
    Said,
    Script,
    Vendor,
    Virtual,
)
from tests.simulation.destination import DESTINATION, Account, _write
from worker.core.holds.states import State
from worker.core.tally import Cause


def two_writes(event: Event, account: Account) -> Flow:
    """A flow that must not be cut between its two requests without being counted."""
    for operation in ("first", "second"):
        yield _write(operation, event.key, {"ids": [event.id], "secret": account.secret})
    return None


TWO_WRITES = replace(DESTINATION, translate=two_writes, merge=None)


def only(operation: str, answer: Answer) -> Script:
    return lambda arrival: answer if arrival.operation == operation else None


def repeated(lane: Virtual) -> Mapping[Cause, int]:
    return lane.lane.tally.possibly_repeated


def test_a_stop_finishes_the_flows_that_are_awake_begins_none_and_commits() -> None:
    lane = Virtual(destination=TWO_WRITES, policy=a_policy(integration="Model", concurrency=3))
    for user in range(9):
        lane.write(f"u{user}")
    lane.run(0.06)
    assert lane.drain()
    assert [2, 2, 2] == [len(lane.vendor.times(f"u{user}")) for user in range(3)]
    assert (6, 3, 6, {}) == (len(lane.vendor.arrivals), lane.committed(), lane.lane.tally.released, repeated(lane))
    assert lane.lane.idle


def test_what_came_after_the_revocation_is_left_to_the_next_owner() -> None:
    lane = Virtual()
    lane.write("u1")
    lane.run(0.01)
    lane.revoke([P0])
    late = lane.append(lane.a_message("u2"))
    lane.lane.receive({P0: [late]}, {P0: 2}, lane.now)
    lane.run(1.0)
    assert lane.lane.drained([P0])
    lane.release([P0])
    assert (["e1"], 1) == (lane.vendor.ids, lane.committed())


def test_the_users_own_next_event_does_not_begin_during_a_drain() -> None:
    lane = Virtual()
    lane.write("u1")
    lane.write("u1")
    lane.run(0.01)
    assert lane.drain()
    assert (["e1"], 1) == (lane.vendor.ids, lane.committed())


def test_sleeping_flows_are_not_waited_for() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.ids == ["e1"] else None))
    lane.write("sick")
    for user in range(9):
        lane.write(f"u{user}")
    lane.run(20.0)
    before = lane.now
    assert lane.drain()
    assert (before, 1, 0) == (lane.now, lane.lane.tally.released, lane.committed())
    lane.assign([P0])
    lane.run(MINUTE)
    assert 9 == len(lane.vendor.ids), "what was settled ahead is not sent again by the next owner"
    assert 9 == lane.lane.tally.passed_over


def test_a_dead_letter_in_hand_is_waited_for() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(400)))
    lane.broker = lambda produce, now: Said(ok=now > START + 10)
    lane.write("u1")
    lane.append(b"no json")
    lane.run(1.0)
    assert lane.drain()
    assert pytest.approx(14, abs=3) == lane.now - START
    assert (2, {("dead-lettered", "refused"): 1, ("dead-lettered", "not-json"): 1}) == (lane.committed(), lane.settled)


def test_a_dead_letter_that_is_not_acknowledged_in_time_is_left_to_the_next_owner() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(400)))
    lane.broker = lambda produce, now: Said(ok=False)
    lane.write("u1")
    lane.append(b"no json")
    lane.run(1.0)
    assert not lane.drain()
    assert (0, 2, 0) == (lane.committed(), lane.lane.tally.released, lane.lane._letters.waiting)
    lane.broker = lambda produce, now: Said()
    lane.run(MINUTE)
    assert [] == lane.buried


def test_an_acknowledgement_that_comes_after_the_release_changes_nothing() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(400)))
    lane.write("u1")
    lane.run(0.055)
    lane.append(b"no json")
    lane.run(0.001)
    lane.lose([P0])
    lane.run(MINUTE)
    assert (2, {}, 2) == (len(lane.buried), lane.settled, lane.lane.tally.released)
    assert (0, []) == (lane.lane._letters.waiting, [one for one in lane.notes if one == "dead letter"])


def test_a_refusal_of_the_broker_that_comes_after_the_release_is_not_tried_again() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(400)))
    lane.broker = lambda produce, now: Said(ok=False)
    lane.write("u1")
    lane.run(0.055)
    lane.lose([P0])
    lane.run(MINUTE)
    assert (0, []) == (lane.lane._letters.waiting, [one for one in lane.notes if "dead letter" in one])


def test_a_request_cut_at_the_bound_is_counted_as_possibly_repeated() -> None:
    lane = Virtual(latency=100.0)
    lane.write("u1")
    lane.run(1.0)
    assert not lane.drain()
    assert ({"drain's bound": 1}, 1, 0) == (repeated(lane), lane.lane.tally.released, lane.committed())


def test_a_look_up_that_is_cut_repeats_nothing() -> None:
    lane = Virtual(latency=100.0)
    lane.write("u1", type="identify")
    lane.run(1.0)
    assert not lane.drain()
    assert {} == repeated(lane)


def test_a_flow_that_sleeps_between_two_writes_is_counted_when_it_is_cut() -> None:
    lane = Virtual(Vendor(only("second", Response(500))), destination=TWO_WRITES)
    lane.write("u1")
    lane.run(20.0)
    assert lane.drain()
    assert {"cut flow": 1} == repeated(lane)


def test_a_flow_that_begins_again_after_a_long_sleep_is_counted_where_it_had_written() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        slow = arrival.operation == "second" and arrival.at < START + 90
        return Response(503, {"retry-after": "100"}) if slow else None

    lane = Virtual(Vendor(vendor), destination=TWO_WRITES)
    lane.write("u1")
    lane.finish()
    assert ["first", "second", "first", "second"] == [one.operation for one in lane.vendor.arrivals]
    assert {"flow begun again": 1} == repeated(lane)


def test_answers_for_a_released_partition_change_nothing_but_free_the_key() -> None:
    lane = Virtual(partitions=(P0, P1), latency=lambda one: 10.0 if one.ids == ["e1"] else 0.05)
    lane.write("u1")
    lane.run(0.1)
    lane.lose([P0])
    here = lane.write("u1", to=P1)
    lane.run(5.0)
    assert [] == lane.vendor.by_user["u1"][1:], "its key stays taken until the answer comes"
    lane.run(10.0)
    assert ["e1", here] == lane.vendor.by_user["u1"]
    assert {("delivered", ""): 1} == lane.settled
    assert 0 == lane.committed(P0)


def test_a_partition_that_comes_back_waits_for_the_answers_of_its_former_time() -> None:
    lane = Virtual(latency=lambda one: 10.0 if one.at < START + 1 else 0.05)
    lane.write("u1")
    lane.run(0.1)
    lane.lose([P0])
    lane.assign([P0])
    lane.run(9.0)
    assert 1 == len(lane.vendor.arrivals)
    lane.run(2.0)
    assert (["e1", "e1"], 1) == (lane.vendor.ids, len(lane.written))
    assert ({("delivered", ""): 1}, {"lost partition": 1}) == (lane.settled, repeated(lane))


def test_lost_partitions_commit_nothing_more() -> None:
    lane = Virtual()
    lane.write("u1")
    lane.run(1.0, until=lambda: lane.committed() == 1)
    lane.write("u2")
    lane.run(0.06)
    lane.lose([P0])
    lane.run(MINUTE)
    assert (["e1", "e2"], 1, {}) == (lane.vendor.ids, lane.committed(), dict(lane.lane.commit(lane.now)))


def test_a_step_of_a_flow_whose_partition_is_gone_is_never_sent() -> None:
    lane = Virtual(destination=TWO_WRITES)
    lane.write("u1")
    lane.run(0.01)
    lane.lose([P0])
    lane.run(MINUTE)
    assert ["first"] == [one.operation for one in lane.vendor.arrivals]


def test_a_flow_that_waits_between_two_writes_for_the_lane_to_open_is_cut_and_counted() -> None:
    lane = Virtual(
        Vendor(lambda arrival: TIMEOUT if arrival.key.startswith("sick") else None),
        destination=TWO_WRITES,
        partitions=(P0, P1),
        latency=lambda one: 0.05 if one.key.startswith("sick") else 0.1,
    )
    for user in range(20):
        lane.write(f"sick{user}", to=P1)
    for user in range(5):
        lane.write(f"u{user}")
    lane.run(1.0)
    assert (State.BREAKER, {"unknown outcome": 20}) == (lane.lane.state, repeated(lane))
    assert lane.lane.drained([P0])
    lane.lose([P0])
    assert {"unknown outcome": 20, "lost partition": 5} == repeated(lane)


def test_a_flow_that_waits_for_a_login_is_awake_until_the_login_has_failed() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return Response(500) if arrival.operation == "login" else None

    lane = Virtual(Vendor(vendor), account=Account(logs_in=True), latency=3.0)
    lane.write("u1")
    lane.run(1.0)
    lane.revoke([P0])
    assert not lane.lane.drained([P0])
    lane.run(3.0)
    assert lane.lane.drained([P0]), "the lane holds: nobody will go on by himself"
    lane.release([P0])
    assert (State.LOGIN, 1) == (lane.lane.state, lane.lane.tally.released)
    lane.run(MINUTE)


def test_a_stop_during_a_hold_is_done_at_once() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT))
    for user in range(30):
        lane.write(f"u{user}")
    lane.run(MINUTE)
    assert State.BREAKER is lane.lane.state
    before = lane.now
    assert lane.drain()
    assert (30, 0) == (lane.lane.tally.released, lane.committed())
    assert lane.now - before < 0.2


def test_the_other_partitions_are_served_during_a_drain() -> None:
    lane = Virtual(partitions=(P0, P1), latency=lambda one: 20.0 if one.key == "slow" else 0.05)
    lane.write("slow")
    lane.run(1.0)
    lane.revoke([P0])
    for user in range(9):
        lane.write(f"u{user}", to=P1)
    lane.run(5.0)
    assert (9, False, 9) == (lane.committed(P1), lane.lane.drained([P0]), lane.settled["delivered", ""])


def test_what_a_leaving_partition_held_of_the_buffer_is_room_for_the_others() -> None:
    policy = a_policy(integration="Model", buffer_events=10)
    lane = Virtual(
        Vendor(lambda arrival: TIMEOUT if arrival.key.startswith("sick") else None),
        policy=policy,
        partitions=(P0, P1),
    )
    for _ in range(20):
        lane.write("sick")
    for _ in range(5):
        lane.write("sick too", to=P1)
    healthy = lane.write("well", to=P1)
    lane.run(MINUTE)
    assert ({"buffer events", "failing users"}, []) == (set(lane.lane.standing().limited_by), lane.vendor.ids)
    lane.lose([P0])
    lane.run(1.0)
    assert ([healthy], set()) == (lane.vendor.ids, set(lane.lane.standing().limited_by))


def test_nobody_waits_for_room_behind_users_of_a_leaving_partition() -> None:
    policy = a_policy(integration="Model", buffer_events=10, concurrency=1)
    lane = Virtual(policy=policy, partitions=(P0, P1))
    lane.append({"batch": [lane.a_message(f"u{user}") for user in range(10)]})
    lane.run(0.01)
    for user in range(30):
        lane.write(f"v{user}", to=P1)
    lane.run(0.01)
    lane.revoke([P0])
    assert lane.run(5.0, until=lambda: lane.committed(P1) == 30)


def test_a_partition_that_was_not_ours_leaves_without_a_word() -> None:
    lane = Virtual()
    lane.lane.revoke([P1])
    assert lane.lane.drained([P1])
    assert {} == dict(lane.lane.release([P1]))
    lane.lane.lose([P1])
    assert {P0} == set(lane.lane.standing().partitions)


def test_a_partition_assigned_a_second_time_begins_anew() -> None:
    """Retention took what it stood at: the consumer says where it goes on."""
    lane = Virtual(Vendor(lambda arrival: TIMEOUT))
    lane.write("u1")
    lane.run(1.0)
    lane.assign([P0])
    assert 1 == lane.lane.tally.released
