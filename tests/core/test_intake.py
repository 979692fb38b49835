"""From a poll's records to queued events: what is let in, what is passed over, what waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.contract import Delivered, Event, Flow, Response
from tests.builders import a_policy, a_record
from tests.core.virtual import MINUTE, P0, P1, START, TIMEOUT, Vendor, Virtual
from tests.simulation.destination import DESTINATION, HOST, Account, _write
from worker.core.intake import HUNGRY
from worker.core.policy import Policy


def limits(lane: Virtual) -> set[str]:
    return set(lane.lane.standing().limited_by)


def model(**fields: object) -> Policy:
    return a_policy(integration="Model", **fields)


def test_every_kind_of_record_is_settled_in_its_way_and_the_offset_moves_on() -> None:
    lane = Virtual(policy=model(types=frozenset({"track"}), max_age=3600.0))
    lane.append(None)
    lane.append(b"no json")
    lane.append({"batch": []})
    lane.write("u1")
    lane.write("u1", integrations={"Model": False})
    lane.write("u1", type="page")
    lane.write("u1", timestamp="2020-01-01T00:00:00Z")
    lane.write("u1", properties={"nothing": True})
    lane.append({"batch": [lane.a_message("u2"), lane.a_message("u3", type="page"), 3]})
    lane.finish()
    assert {
        ("skipped", "tombstone"): 1,
        ("dead-lettered", "not-json"): 1,
        ("delivered", ""): 2,
        ("filtered", "integrations"): 1,
        ("filtered", "type"): 2,
        ("skipped", "too-old"): 1,
        ("skipped", "nothing-to-send"): 1,
        ("dead-lettered", "not-an-object"): 1,
    } == lane.settled
    assert (9, {"events": 10}) == (lane.committed(), dict(lane.lane.tally.consumed))


def test_gaps_in_the_log_cost_nothing_and_block_nothing() -> None:
    lane = Virtual()
    lane.write("u1", gap=1000)
    lane.write("u2", gap=1000)
    lane.finish()
    assert 2002 == lane.committed()


def test_an_end_of_the_log_without_records_moves_the_commit_on() -> None:
    """Transaction markers: the consumer's position passes what is no record."""
    lane = Virtual()
    lane.write("u1")
    lane.finish()
    lane.lane.receive({}, {P0: 50}, lane.now)
    lane.commit()
    assert 50 == lane.committed()


def test_what_is_not_assigned_is_neither_tracked_nor_remembered() -> None:
    lane = Virtual()
    lane.lane.receive({P1: [a_record({}, partition=1, offset=0)]}, {P1: 1}, lane.now)
    assert ({P0}, {}) == (set(lane.lane.standing().partitions), dict(lane.lane.tally.consumed))


@pytest.mark.parametrize(
    ("fields", "limit"), [({"buffer_events": 10}, "buffer events"), ({"buffer_bytes": 20_000}, "buffer bytes")]
)
def test_a_full_buffer_pauses_the_partition_and_reading_goes_on_as_events_settle(
    fields: dict[str, int], limit: str
) -> None:
    lane = Virtual(policy=model(**fields, concurrency=4))
    for user in range(300):
        lane.write(f"u{user}", properties={"text": "x" * 100})
    lane.run(0.2)
    standing = lane.lane.standing()
    assert ({limit}, frozenset({P0}), True) == (limits(lane), lane.lane.paused(), standing.partitions[P0].paused)
    assert standing.oldest_pending == START
    assert sum(standing.pending.values()) < 40
    lane.finish()
    assert (lane.written, frozenset(), {"idle"}) == (lane.vendor.by_user, lane.lane.paused(), limits(lane))


def test_partitions_take_turns_where_there_is_little_room() -> None:
    lane = Virtual(policy=model(buffer_events=2, concurrency=2), partitions=(P0, P1))
    for number in range(20):
        for to in (P0, P1):
            lane.write(f"{to.partition}.{number}", to=to)
    lane.run(0.6)
    ahead = [lane.lane.standing().partitions[to].committable for to in (P0, P1)]
    assert min(ahead) > 3, "neither waits for the other's end"
    lane.finish()
    assert lane.written == lane.vendor.by_user


def test_a_partition_that_never_had_a_record_has_no_share_of_the_buffer() -> None:
    """Else failing users who hold half of it would leave the healthy ones of their partition the other half unused."""
    lane = Virtual(
        Vendor(lambda arrival: Response(500) if arrival.key.startswith("sick") else None),
        policy=model(buffer_events=20),
        partitions=(P0, P1),
    )
    for number in range(12):
        lane.write(f"sick{number % 4}")
        lane.write(f"well{number}")
    for number in range(12, 60):
        lane.write(f"well{number}")
    lane.run(5.0)
    served = {arrival.key for arrival in lane.vendor.arrivals} - {f"sick{number}" for number in range(4)}
    assert ({f"well{number}" for number in range(60)}, 12) == (served, sum(lane.lane.standing().pending.values()))


def test_one_envelope_is_let_in_whatever_its_size() -> None:
    lane = Virtual(policy=model(buffer_events=10))
    lane.append({"batch": [lane.a_message(f"u{user}") for user in range(500)]})
    lane.write("behind")
    lane.finish()
    assert 501 == len(lane.vendor.ids)


def test_a_hold_fills_the_buffer_and_no_more() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(403)), policy=model(buffer_events=50))
    for user in range(500):
        lane.write(f"u{user}")
    lane.run(10 * MINUTE)
    assert (50, {"held", "buffer events"}) == (sum(lane.lane.standing().pending.values()), limits(lane))


UNMERGED = replace(DESTINATION, merge=None)


def test_where_nothing_merges_only_what_is_soon_needed_is_decoded() -> None:
    lane = Virtual(destination=UNMERGED, policy=model(concurrency=1, ready_users=4))
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(0.01)
    standing = lane.lane.standing()
    assert ({"open": 1, "ready": 3}, frozenset(), frozenset()) == (
        standing.pending,
        standing.limited_by,
        lane.lane.paused(),
    )
    lane.finish()
    assert (20, 20) == (len(lane.vendor.ids), lane.committed())
    assert [f"u{user}" for user in range(20)] == list(lane.vendor.by_user)


def test_while_the_lane_holds_all_that_there_is_room_for_is_decoded() -> None:
    """Its probe may need any of them: one that makes another request, or somebody who never failed."""
    lane = Virtual(lambda arrival: Response(403), destination=UNMERGED, policy=model(concurrency=1, ready_users=4))
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(MINUTE)
    assert 20 == sum(lane.lane.standing().pending.values())


def test_where_events_merge_all_are_let_in_and_wait_as_they_came_beyond_what_is_soon_needed() -> None:
    """Who merges wants to see what a user says far behind; decoded, ten thousand events would take fifty megabytes."""
    lane = Virtual(policy=model(concurrency=1, ready_users=4))
    for user in range(20):
        lane.write(f"u{user}", properties={"text": "x" * 10_000})
    lane.run(0.01)
    value = len(lane.kafka.logs[P0][0].value or b"")
    assert {"open": 1, "ready": 19} == lane.lane.standing().pending
    assert (15 + 4 * 8) * value < lane.lane._queues.bytes < (15 + 6 * 8) * value
    lane.finish()
    assert (20, 20, 0) == (len(lane.vendor.ids), lane.committed(), lane.lane._queues.bytes)
    assert [f"u{user}" for user in range(20)] == list(lane.vendor.by_user)


def test_the_members_of_an_envelope_are_decoded_once() -> None:
    """Each of them would be decoded with all the others when its turn comes."""
    lane = Virtual(policy=model(concurrency=1, ready_users=4))
    lane.append({"batch": [lane.a_message(f"u{user}") for user in range(20)]})
    lane.run(0.01)
    value = len(lane.kafka.logs[P0][0].value or b"")
    assert lane.lane._queues.bytes > 18 * value * 8 // 20


def test_what_comes_behind_a_failing_event_waits_as_it_came() -> None:
    lane = Virtual(Vendor(lambda one: TIMEOUT if one.key == "sick" else None))
    lane.write("sick")
    lane.write("u1")
    lane.run(1.0)
    before = lane.lane._queues.bytes
    for _ in range(10):
        lane.write("sick", properties={"text": "x" * 10_000})
    lane.run(1.0)
    value = len(lane.kafka.logs[P0][-1].value or b"")
    assert {"sleeping": 1, "behind its user": 10} == lane.lane.standing().pending
    assert lane.lane._queues.bytes - before < 12 * value


def test_what_failed_under_an_earlier_owner_is_known_to_fail_however_far_it_is() -> None:
    vendor = Vendor(lambda one: TIMEOUT if one.key == "sick" else None)
    lane = Virtual(vendor, policy=model(ready_users=4), partitions=(P1, P0))
    lane.write("sick", to=P1)
    lane.run(MINUTE)
    for user in range(20):
        lane.write(f"u{user}")
    lane.crash()
    lane.run(0.001)
    standing = lane.lane.standing()
    assert (21, 1) == (sum(standing.pending.values()), standing.keys_failing)


def test_the_next_poll_is_wanted_once_little_is_left_of_the_last() -> None:
    lane = Virtual(destination=UNMERGED, policy=model(concurrency=1, ready_users=4))
    for user in range(HUNGRY + 100):
        lane.write(f"u{user}")
    lane.run(0.01)
    before = lane.lane.hungry
    lane.run(100.0, until=lambda: lane.lane.hungry)
    assert (False, True, True) == (before, lane.lane.hungry, 90 <= len(lane.vendor.ids) <= 110)


def test_a_full_partition_does_not_keep_the_others_from_being_read() -> None:
    """Its records wait for room, not for their turn: it is paused, and the poll for the others is wanted."""
    lane = Virtual(
        lambda arrival: Response(500 if arrival.key.startswith("sick") else 200),
        destination=UNMERGED,
        policy=model(buffer_events=20, ready_users=4),
        partitions=(P0, P1),
    )
    for user in range(HUNGRY + 100):
        lane.write(f"sick{user}")
    for user in range(10):
        lane.write(f"u{user}", to=P1)
    lane.run(60.0)
    assert (True, frozenset({P0})) == (lane.lane.hungry, lane.lane.paused())


def test_how_many_events_one_poll_brought_is_observed() -> None:
    lane = Virtual()
    for user in range(30):
        lane.write(f"u{user}")
    lane.finish()
    assert (1, 30.0) == (lane.lane.tally.batch_events.count, lane.lane.tally.batch_events.sum)


def known(event: Event, account: Account) -> Flow:
    """Delivered without a request, where a look-up is remembered."""
    found = yield replace(_write("look-up", event.key, {"ids": []}), cached_as="key")
    return Delivered("unchanged") if found.ok else None


def test_what_is_delivered_from_memory_witnesses_nothing() -> None:
    lane = Virtual(destination=replace(DESTINATION, translate=known))
    for _ in range(3):
        lane.write("u1")
    lane.finish()
    assert ({("delivered", "unchanged"): 3}, 1) == (lane.settled, len(lane.vendor.arrivals))
    assert HOST in lane.vendor.arrivals[0].send.request.url


def anew(event: Event, account: Account) -> Flow:
    flow = known(event, account)
    found = yield replace(next(flow), max_age=0.0)
    return Delivered("unchanged") if found.ok else None


def test_who_asks_anew_is_answered_by_the_vendor() -> None:
    lane = Virtual(destination=replace(DESTINATION, translate=anew))
    for _ in range(3):
        lane.write("u1")
    lane.finish()
    assert ({("delivered", "unchanged"): 3}, 3) == (lane.settled, len(lane.vendor.arrivals))
