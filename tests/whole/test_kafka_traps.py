"""What Kafka does to a worker: a topic made anew, records that retention took, an instance id that is used twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition

from tests.whole.conftest import Place
from tests.whole.events import a_track
from tests.whole.order import at_wigzo, faults_of
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo
from worker.adapters.cluster import group_commits, topics
from worker.adapters.connection import Connection
from worker.core.commit_metadata import decode
from worker.core.offset_map import NOTHING
from worker.sandbox.faults import Rule, Status

pytestmark = pytest.mark.apache

USERS = [f"u{number}@mail.example" for number in range(30)]
SICK = frozenset(USERS[:3])
NOT_NOW = Status(500, headers={"Retry-After": "1"})
BEFORE, AFTER = 5, 20


def test_a_topic_that_is_made_anew_under_a_live_worker_is_delivered_from_its_first_event(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    sandbox.put_faults(Rule(users=SICK, do=NOT_NOW))
    place.topics.produce(place.topic, [a_track(user, number) for number in range(BEFORE) for user in USERS])
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url)) as worker:
        worker.until(lambda: _maps(place), "the commits say what is settled ahead")
        before = len(sandbox.arrivals("wigzo"))
        _make_anew(place)
        # More than there were: the places that the map knew as settled exist in the new topic, too.
        numbers = range(100, 100 + AFTER)
        place.topics.produce(place.topic, [a_track(user, number) for number in numbers for user in USERS])
        sandbox.put_faults()
        worker.until(lambda: _last(sandbox) == {100 + AFTER - 1}, "all have come")
        metrics = worker.until_metrics(lambda now: not now.pending("wigzo"))
        assert (0, 0) == metrics.balance("wigzo")
        assert 0 == worker.stop()
    after = at_wigzo(sandbox.arrivals("wigzo", since=before))
    new = {user: [number - 100 for number in after[user] if number >= 100] for user in USERS}
    assert [] == [fault for user in USERS for fault in faults_of(new[user], AFTER)]


def _maps(place: Place) -> bool:
    commits = group_commits(Connection(tuple(place.topics.bootstrap)), f"{place.group}.wigzo")
    said = [decode(position.metadata, position.offset) for position in commits.values()]
    return any(metadata is not None and metadata.settled != NOTHING for metadata in said)


def _last(sandbox: Vendors) -> set[int]:
    arrived = at_wigzo(sandbox.arrivals("wigzo"))
    return {max(arrived.get(user, [-1])) for user in USERS}


def _make_anew(place: Place) -> None:
    admin = KafkaAdminClient(bootstrap_servers=place.topics.bootstrap)
    admin.delete_topics([place.topic])
    admin.close()
    while topics(Connection(tuple(place.topics.bootstrap)), [place.topic]):
        pass
    place.topics.create(place.topic)


def test_records_that_retention_took_unread_are_counted_and_told(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, [a_track("u1", number) for number in range(3)], partition=0)
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url)) as worker:
        worker.until_settled(3, "wigzo")
        assert 0 == worker.stop()
        place.topics.produce(place.topic, [a_track("u1", number) for number in range(3, 10)], partition=0)
        admin = KafkaAdminClient(bootstrap_servers=place.topics.bootstrap)
        admin.delete_records({TopicPartition(place.topic, 0): 7})
        admin.close()
        worker.start()
        metrics = worker.until_settled(3, "wigzo")
        assert 0 == worker.stop()
    assert 4 == metrics.value("events_lost_to_retention_total", destination="wigzo", topic=place.topic)
    (told,) = worker.said("lost to retention")
    assert ("error", f"{place.topic}/0", 3, 7, 4) == tuple(
        told[name] for name in ("level", "at", "first", "until", "events")
    )
    assert [0, 1, 2, 7, 8, 9] == at_wigzo(sandbox.arrivals("wigzo"))["u1"]


def test_a_second_process_with_the_same_instance_id_ends_the_first_with_a_sentence(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    kafka = place.kafka(instance_id="relay-0")
    first, second = (Worker(tmp_path, kafka, wigzo(sandbox.url), name=name) for name in ("first", "second"))
    with first:
        first.until_metrics(lambda now: now.value("partitions_assigned"))
        with second:
            assert 2 == first.ended()
            assert "another process has taken this one's place in the group" in first.text()
            second.until_metrics(lambda now: now.value("partitions_assigned"))
            assert 0 == second.stop()
