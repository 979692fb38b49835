"""What a new owner knows: the commit, the offset map, the start. What it must not know: another owner's cache."""

from __future__ import annotations

import pytest

from mappings.contract import Response
from tests.builders import a_policy
from tests.core.virtual import HOUR, MINUTE, P0, P1, START, TIMEOUT, Answer, Arrival, Said, Vendor, Virtual
from tests.simulation.kafka import Kafka
from worker.core.commit_metadata import Metadata, decode, encode
from worker.core.records import Assigned, Position
from worker.core.starts import NoStart


def test_after_a_crash_only_what_was_settled_since_the_last_commit_is_sent_again() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.key == "sick" and arrival.at < START + 60 else None))
    lane.write("sick")
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(10.0)
    late = lane.write("late")
    lane.run(0.06)
    lane.crash()
    lane.finish()
    assert [late] == [one for one in set(lane.vendor.ids) if lane.vendor.ids.count(one) > 1]
    assert (22, 20) == (len(set(lane.vendor.ids)), lane.lane.tally.passed_over)


def test_a_half_delivered_envelope_is_not_sent_again_by_halves() -> None:
    """Members that were delivered are not sent again; those behind a failing one are, in their order."""
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.key == "sick" and arrival.at < START + 60 else None))
    users = ("a", "sick", "b", "sick", "c")
    lane.append({"batch": [lane.a_message(user) for user in users]})
    lane.append({"batch": [lane.a_message("sick"), lane.a_message("d")]})
    lane.run(10.0)
    assert (["e1", "e3", "e5", "e7"], 0) == (sorted(lane.vendor.ids), lane.committed())
    lane.crash()
    lane.finish()
    assert [["e1"], ["e2", "e4", "e6"], ["e3"], ["e5"], ["e7"]] == sorted(lane.vendor.by_user.values())
    assert 4 == lane.lane.tally.passed_over
    assert 2 == lane.committed()


def test_a_dead_letter_that_was_not_acknowledged_is_written_again_after_a_crash() -> None:
    lane = Virtual()
    lane.append(b"no json")
    lane.run(0.001)
    lane.crash()
    lane.finish()
    assert (["events/0/0/0"], 1) == (list(lane.dead), len(lane.buried))


HOLES = 900
STRIDE = 20_000  # offsets between two records, as transactions and compaction leave them: each hole takes three bytes


def test_at_its_bound_the_offset_map_pauses_the_partition_and_loses_nothing() -> None:
    """And reading goes on as holes settle, whatever crash comes between."""
    slow = True
    vendor = Vendor(lambda arrival: TIMEOUT if slow and arrival.key.startswith("sick") else None)
    lane = Virtual(
        vendor,
        policy=a_policy(integration="Model", concurrency=5_000),
        books_every=50,
        latency=lambda one: HOUR if slow and one.key.startswith("sick") else 0.05,
    )
    for user in range(HOLES + 60):
        lane.write(f"sick{user}", gap=STRIDE)
        lane.write(f"well{user}")
    lane.run(1.0)
    standing = lane.lane.standing()
    assert {"offset map"} <= standing.limited_by
    assert frozenset({P0}) == lane.lane.paused()
    assert 3_600 < standing.partitions[P0].map_chars <= 3_800
    read = len(lane.vendor.by_user)
    assert HOLES - 20 < read < HOLES + 30
    lane.crash()
    slow = False
    lane.finish()
    assert (lane.written, read, frozenset()) == (
        lane.vendor.by_user,
        lane.lane.tally.passed_over,
        lane.lane.paused(),
    )


def test_the_last_hole_may_be_a_dead_letter() -> None:
    """It is no queued event that makes room then, and the partition goes on all the same."""
    lane = Virtual()
    lane.broker = lambda produce, now: Said(after=100.0)
    for _ in range(HOLES + 60):
        lane.append(b"no json", gap=STRIDE)
    lane.write()
    lane.run(50.0)
    assert {"offset map"} == set(lane.lane.standing().limited_by)
    lane.finish()
    assert (["e1"], HOLES + 60) == (lane.vendor.ids, len(lane.buried))


def test_damaged_metadata_is_an_ordinary_commit_with_a_warning() -> None:
    lane = Virtual()
    for user in range(3):
        lane.write(f"u{user}")
    lane.lane.assign([Assigned(P0, Position(1, "damaged"))])
    lane.positions[P0] = 1
    lane.finish()
    assert (["e2", "e3"], 1) == (lane.vendor.ids, lane.lane.tally.metadata_ignored)
    assert ["commit metadata ignored: damaged or unknown"] == lane.notes


# --- the cache


def look_ups(lane: Virtual) -> int:
    return sum(one.operation == "look-up" for one in lane.vendor.arrivals)


def identify(lane: Virtual, **traits: object) -> None:
    lane.write("u1", type="identify", traits=traits)
    lane.finish()


def test_a_user_who_is_known_is_not_looked_up_again_for_an_hour() -> None:
    lane = Virtual()
    identify(lane, a=1)
    identify(lane, b=2)
    assert (1, {"a": 1, "b": 2}) == (look_ups(lane), lane.vendor.profiles["u1"])
    lane.run(HOUR)
    identify(lane, c=3)
    assert 2 == look_ups(lane)


def test_a_partition_that_went_away_and_came_back_looks_its_users_up_again() -> None:
    """Another worker has written meanwhile: what was remembered would take its property back."""
    lane = Virtual()
    identify(lane, a=1)
    lane.drain([P0])
    lane.vendor.profiles["u1"]["elsewhere"] = True
    lane.assign([P0])
    identify(lane, b=2)
    assert {"a": 1, "b": 2, "elsewhere": True} == lane.vendor.profiles["u1"]
    assert 2 == look_ups(lane)


def test_the_other_partitions_users_are_still_remembered() -> None:
    lane = Virtual(partitions=(P0, P1))
    identify(lane, a=1)
    lane.drain([P1])
    lane.assign([P1])
    identify(lane, b=2)
    assert 1 == look_ups(lane)


def test_a_flow_that_slept_long_looks_its_user_up_again() -> None:
    """What it had read before it slept is old."""

    def vendor(arrival: Arrival) -> Answer | None:
        slow = arrival.operation == "write" and arrival.at < START + 90
        return Response(503, {"retry-after": "100"}) if slow else None

    lane = Virtual(Vendor(vendor))
    lane.write("u1", type="identify", traits={"a": 1})
    lane.run(MINUTE)
    lane.vendor.profiles["u1"]["elsewhere"] = True
    lane.finish()
    assert (2, {"a": 1, "elsewhere": True}) == (look_ups(lane), lane.vendor.profiles["u1"])


# --- where to begin


def test_latest_is_a_time_a_crash_before_the_first_event_loses_nothing() -> None:
    lane = Virtual(start_at="latest")
    lane.crash()
    lane.now += MINUTE
    lane.write("u1")
    lane.crash()
    lane.finish()
    assert ["e1"] == lane.vendor.ids


def test_a_partition_that_the_topic_gains_is_read_from_the_groups_start_and_not_from_its_end() -> None:
    """Also when every commit has long been the lane's own, and the setting says ``latest``."""
    lane = Virtual(start_at="latest")
    lane.trickle(MINUTE)
    lane.kafka.add(P1)
    for user in range(3):
        lane.write(f"early{user}", to=P1)
    lane.run(MINUTE)
    lane.crash()
    lane.run(MINUTE)
    lane.assign([P1])
    lane.finish()
    assert lane.written == lane.vendor.by_user


def test_events_from_before_the_start_are_not_sent() -> None:
    kafka = Kafka()
    kafka.add(P0)
    old = Virtual(kafka=kafka)
    old.write("last year")
    kafka.logs[P0] = [one._replace(timestamp=one.timestamp - 1) for one in kafka.logs[P0]]
    lane = Virtual(kafka=Kafka(logs=kafka.logs, ends=kafka.ends), start_at="latest")
    lane.write("u1")
    lane.finish()
    assert ["u1"] == list(lane.vendor.by_user)


def test_a_new_or_renamed_destination_without_a_start_does_not_begin() -> None:
    kafka = Kafka()
    Virtual(kafka=kafka).write("last year")
    with pytest.raises(NoStart, match="start_at"):
        Virtual(kafka=Kafka(logs=kafka.logs, ends=kafka.ends), start_at=None)


def test_a_group_that_began_takes_no_notice_of_the_setting() -> None:
    lane = Virtual(start_at="earliest")
    lane.write("u1")
    lane.finish()
    lane.start_at = None
    lane.crash()
    lane.write("u2")
    lane.finish()
    assert ["e1", "e2"] == lane.vendor.ids


def test_each_commit_carries_the_groups_start() -> None:
    lane = Virtual(start_at=START - 5)
    lane.write("u1")
    lane.finish()
    lane.commit()
    said = lane.kafka.commits[P0]
    assert Metadata(start=START - 5) == decode(said.metadata, said.offset)
    assert encode(Metadata(start=START - 5), 1) == said.metadata
