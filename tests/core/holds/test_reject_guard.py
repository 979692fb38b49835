"""Everybody's events refused: a bad change, which must not make dead letters of a whole topic."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import Event, Flow, Rejected, Request, Response, Unmappable
from tests.builders import a_policy
from tests.core.virtual import HOUR, MINUTE, START, TIMEOUT, Answer, Arrival, Vendor, Virtual
from tests.simulation.destination import DESTINATION, HOST, Account
from worker.core.holds.reject_guard import RejectGuard
from worker.core.holds.states import State
from worker.core.policy import Policy


def model(limit: int | str = 5, **fields: object) -> Policy:
    return a_policy(integration="Model", reject_guard=limit, **fields)


@given(st.lists(st.integers(0, 9) | st.none()), st.integers(1, 6))
def test_it_counts_different_users_since_the_last_delivery(refusals: list[int | None], limit: int) -> None:
    guard = RejectGuard(limit)
    refused: set[int] = set()
    for user in refusals:
        if user is None:
            guard.reset()
            refused.clear()
        else:
            refused.add(user)
            assert (len(refused) >= limit) == guard.refused(user)


def test_it_can_be_off() -> None:
    guard = RejectGuard("off")
    assert not any(guard.refused(user) for user in range(10_000))


def test_when_everybody_is_refused_the_lane_holds_and_few_are_dead_letters() -> None:
    lane = Virtual(Vendor(lambda _: Response(400)), policy=model())
    for number in range(50):
        lane.write(f"u{number}")
    lane.run(HOUR)
    assert (State.REJECT_GUARD, 4) == (lane.lane.state, len(lane.dead))
    assert lane.lane.standing().why.startswith("everybody's events are refused (refused)")


def test_it_tries_every_minute_with_another_user_and_opens_with_a_delivery() -> None:
    well_from = START + 10 * MINUTE
    lane = Virtual(Vendor(lambda one: Response(400) if one.at < well_from else None), policy=model(concurrency=1))
    for number in range(50):
        lane.write(f"u{number}")
    lane.run(5 * MINUTE)
    held = lane.lane.standing().held_since
    assert held is not None
    tries = [one for one in lane.vendor.arrivals if one.at > held]
    assert [60, 120, 180, 240] == [round(one.at - held) for one in tries]
    assert 4 == len({one.key for one in tries})
    lane.finish()
    assert (4, 46) == (len(lane.dead), len(lane.vendor.ids))


def test_a_look_up_that_succeeds_does_not_open_it() -> None:
    lane = Virtual(Vendor(lambda one: Response(400) if one.operation == "write" else None), policy=model())
    for number in range(20):
        lane.write(f"u{number}", type="identify", traits={"a": 1})
    lane.run(HOUR)
    assert (State.REJECT_GUARD, 4) == (lane.lane.state, len(lane.dead))


def test_a_delivery_between_the_refusals_is_enough() -> None:
    lane = Virtual(Vendor(lambda one: Response(400) if int(one.key[1:]) % 4 else None), policy=model(concurrency=1))
    for number in range(40):
        lane.write(f"u{number}")
    lane.finish()
    assert (30, 10, State.OPEN) == (len(lane.dead), len(lane.vendor.ids), lane.lane.state)


def test_one_users_many_refused_events_hold_nobody() -> None:
    lane = Virtual(Vendor(lambda _: Response(400)), policy=model())
    for _ in range(30):
        lane.write("u1")
    lane.finish()
    assert (30, State.OPEN) == (len(lane.dead), lane.lane.state)


def buggy(event: Event, _account: Account) -> Flow:
    if event.properties.get("fine"):
        yield Request("POST", f"{HOST}/users/{event.key}", "track", json={"ids": [event.id]})
        return None
    raise KeyError("plan")


def test_a_bug_of_the_mapping_holds_the_lane_as_well_and_what_it_hit_is_tried_again() -> None:
    lane = Virtual(destination=replace(DESTINATION, translate=buggy, merge=None), policy=model())
    for number in range(20):
        lane.write(f"u{number}")
    lane.run(10 * MINUTE)
    assert (State.REJECT_GUARD, 4) == (lane.lane.state, len(lane.dead))
    lane.write("well", properties={"fine": True})
    lane.run(20 * MINUTE)
    assert "reject guard → slow start" in lane.notes, "everybody who never failed is asked before somebody twice"
    assert ({"bug"}, State.REJECT_GUARD) == (set(lane.dead.values()), lane.lane.state), "the others are still refused"


def test_in_another_hold_a_bug_is_its_own_events_fault() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return TIMEOUT if arrival.at < START + 2 * MINUTE else None

    lane = Virtual(Vendor(vendor), destination=replace(DESTINATION, translate=buggy, merge=None), policy=model(500))
    for number in range(20):
        lane.write(f"u{number}", properties={"fine": True})
    lane.run(1.0)
    assert State.BREAKER is lane.lane.state
    bad = lane.write("bad")
    lane.run(MINUTE)
    assert {bad: "bug"} == lane.dead


def test_what_cannot_be_mapped_is_the_datas_fault_and_holds_nobody() -> None:
    def unmappable(event: Event, account: Account) -> Flow:
        if event.key:
            raise Unmappable("no-email")
        return buggy(event, account)

    destination = replace(DESTINATION, translate=unmappable, merge=None, reasons={"no-email": "No address."})
    lane = Virtual(destination=destination, policy=model())
    for number in range(20):
        lane.write(f"u{number}")
    lane.finish()
    assert (20, State.OPEN) == (len(lane.dead), lane.lane.state)
    assert Rejected("no-email").reason in set(lane.dead.values())
