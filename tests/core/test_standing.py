"""How a lane stands at one moment, in numbers that are counted anew."""

from __future__ import annotations

from mappings.contract import Response
from tests.builders import a_policy, a_status
from tests.core.virtual import HOUR, MINUTE, P0, P1, START, TIMEOUT, Answer, Arrival, Said, Vendor, Virtual
from worker.core.tally import PartitionStatus


def test_an_idle_lane() -> None:
    lane = Virtual()
    lane.write()
    lane.finish()
    owned = {P0: PartitionStatus(committable=1, settled_ahead=0, unsettled=0, paused=False, map_chars=11)}
    assert a_status(limited_by=frozenset({"idle"}), partitions=owned) == lane.lane.standing()


def test_the_time_from_which_an_event_is_given_up_is_known_once_others_were_served_meanwhile() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.key == "sick" else None))
    lane.write("sick")
    lane.run(30.0)
    assert lane.lane.standing().next_give_up is None  # nobody else: it may be the destination
    lane.write("well")
    lane.run(120.0)
    soonest = lane.lane.standing().next_give_up
    assert soonest is not None
    assert START + 4 * HOUR <= soonest <= START + 4 * HOUR + 60  # a time-out after its first request


def test_who_was_given_up_once_is_given_up_from_then_on_and_not_in_hours() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.key == "sick" else None))
    for _ in range(2):
        lane.write("sick")
    lane.run(30.0)
    assert 1 == lane.lane.park()
    lane.run(120.0)  # nobody else is served: the next event has had its attempts, and no witness yet
    standing = lane.lane.standing()
    assert 1 == standing.keys_failing
    assert standing.next_give_up is not None
    assert START <= standing.next_give_up <= START + 150


def test_where_each_pending_event_stands() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return TIMEOUT if arrival.key == "sick" else Response(400) if arrival.key == "refused" else None

    lane = Virtual(
        Vendor(vendor),
        policy=a_policy(integration="Model", concurrency=3),
        latency=lambda one: 0.1 if one.key in ("sick", "refused") else 100.0,
    )
    lane.broker = lambda produce, now: Said(after=100.0)
    for user in ("sick", "sick", "refused", "refused", "refused"):
        lane.write(user)
    lane.append(b"no json")
    lane.run(0.15)
    for user in ("slow", "slow", "slower", "slowest", "waits"):
        lane.write(user)
    lane.run(0.0)
    standing = lane.lane.standing()
    assert {
        "sleeping": 1,
        "behind its user": 4,
        "dead-lettering": 2,
        "open": 3,
        "ready": 1,
    } == standing.pending
    assert (1, frozenset(), START) == (standing.keys_failing, standing.limited_by, standing.oldest_pending)
    assert 9 + 1 + 1 == sum(standing.pending.values())
    assert 11 == standing.partitions[P0].unsettled


def test_a_merges_events_are_open_together() -> None:
    lane = Virtual(latency=10.0)
    for number in range(3):
        lane.write("u1", type="identify", traits={"n": number})
    lane.write("u1")
    lane.run(1.0)
    assert {"open": 3, "behind its user": 1} == lane.lane.standing().pending


def test_the_oldest_pending_event_may_be_no_event_at_all() -> None:
    lane = Virtual()
    lane.broker = lambda produce, now: Said(ok=False)
    lane.append(b"no json")
    lane.run(MINUTE)
    lane.write()
    lane.run(1.0)
    standing = lane.lane.standing()
    assert (START, {"dead-lettering": 1}) == (standing.oldest_pending, standing.pending)
    assert {"dead letters"} == standing.limited_by


def test_a_held_lane_says_why_since_when_and_until_when() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT), latency=0.0)
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(1.0)
    standing = lane.lane.standing()
    assert ("breaker", "most first attempts fail (timeout)", START, START + 5, {"held"}) == (
        standing.state,
        standing.why,
        standing.held_since,
        standing.until,
        set(standing.limited_by),
    )
    assert 20 == standing.keys_failing


def test_each_partition_is_told_apart() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.key == "sick" else None), partitions=(P0, P1))
    lane.write("sick", to=P1)
    for user in range(3):
        lane.write(f"u{user}", to=P0)
        lane.write(f"v{user}", to=P1)
    lane.run(10.0)
    assert {
        P0: PartitionStatus(committable=3, settled_ahead=0, unsettled=0, paused=False, map_chars=11),
        P1: PartitionStatus(committable=0, settled_ahead=3, unsettled=1, paused=False, map_chars=31),
    } == lane.lane.standing().partitions
