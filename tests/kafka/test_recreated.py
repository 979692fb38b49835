"""A topic that is deleted, and made anew under its old name: other records stand under the same offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from tests.kafka.doubles import Member, alter, create, delete, eventually, produce, topic_id
from worker.adapters.assignor import Assignor
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection
from worker.core.commit_metadata import Metadata, encode
from worker.core.offset_map import OffsetMap
from worker.core.records import Assigned, Position, TopicPartition
from worker.sandbox.brokers import Broker, Cluster

Names = Callable[[str], str]

IGNORED = "the topic was made anew since it was committed: the commit is ignored, and all it holds is read"


def numbered(name: str, count: int) -> list[bytes]:
    return [f"{name} {number}".encode() for number in range(count)]


def a_beginning(bootstrap: tuple[str, ...], partition: TopicPartition) -> Assigned:
    """The first record of the topic as it is now."""
    found = topic_id(bootstrap, partition.topic)
    return Assigned(partition, Position(0, encode(Metadata(start=0.0, topic_id=found), 0)), found)


@pytest.mark.apache
def test_a_topic_is_told_by_its_id_and_the_first_commit_says_it(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    expected = a_beginning(apache.bootstrap, TopicPartition(topic, 0))
    with Member(apache.bootstrap, topic, group=group) as member:
        eventually(lambda: member.owns(1))
        assert [expected] == member.lane.begun
    assert {expected.partition: expected.position} == group_commits(Connection(apache.bootstrap), group)


def test_the_embedded_broker_has_ids_too(embedded: Broker, unique: Names) -> None:
    topic = unique("t")
    create(embedded.bootstrap, topic)
    with Member(embedded.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.owns(1))
    assert topic_id(embedded.bootstrap, topic) == member.lane.begun[0].topic_id


@pytest.mark.apache
def test_a_commit_of_the_topics_former_life_is_ignored_with_all_that_it_says(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered("new", 10))
    former = Metadata(start=0.0, topic_id=b"of another topic", settled=OffsetMap(9, (6,)))
    alter(apache, group, TopicPartition(topic, 0), Position(6, encode(former, 6)))
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as member:
        eventually(lambda: len(member.lane.values) == 10)
    assert [a_beginning(apache.bootstrap, TopicPartition(topic, 0))] == member.lane.begun
    assert IGNORED in member.log.events


@pytest.mark.apache
def test_a_topic_that_is_made_anew_while_it_is_read_is_read_from_its_first_record(
    apache: Cluster, unique: Names
) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, 2)
    produce(apache.bootstrap, topic, numbered("old", 20), partition=None)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: len(member.lane.values) == 20)
        delete(apache.bootstrap, topic)
        create(apache.bootstrap, topic, 2)
        # More than there were: the old places exist in the new topic, too.
        produce(apache.bootstrap, topic, numbered("new", 60), partition=None)
        eventually(lambda: len(member.lane.values) == 80)
    assert {*numbered("old", 20), *numbered("new", 60)} == set(member.lane.values)


@pytest.mark.apache
def test_a_topic_that_is_made_anew_while_nothing_is_fetched_is_read_from_its_first_record(
    apache: Cluster, unique: Names
) -> None:
    with made_anew_unheard(apache, unique) as (member, partition, kafka):
        kafka._cluster.request_update()
        eventually(lambda: len(member.lane.begun) == 2)
        assert a_beginning(apache.bootstrap, partition) == member.lane.begun[-1]
        assert "the topic was made anew" in member.log.events
        member.consumer.pause_only(frozenset())
        eventually(lambda: len(member.lane.values) == 40)
    assert [*numbered("old", 10), *numbered("new", 30)] == member.lane.values
    assert [frozenset({partition})] == member.lane.losses


@pytest.mark.apache
def test_a_topic_that_is_found_to_be_anew_at_the_very_place_that_the_old_one_had_reached_is_read_too(
    apache: Cluster, unique: Names
) -> None:
    with made_anew_unheard(apache, unique) as (member, partition, kafka):
        # Resumed before it is noticed: the new topic is read on at the old one's place, and once more from its start.
        member.consumer.pause_only(frozenset())
        eventually(lambda: member.lane.next[partition] == 30)
        kafka._cluster.request_update()
        eventually(lambda: len(member.lane.values) == 10 + 20 + 30)
    assert member.lane.values[-30:] == numbered("new", 30)


@pytest.mark.apache
def test_a_topic_that_is_made_anew_with_fewer_partitions_holds_nobody_up(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 4)
    produce(apache.bootstrap, topic, numbered("old", 40), partition=None)
    with (
        Member(apache.bootstrap, topic, group=group) as first,
        Member(apache.bootstrap, topic, group=group) as second,
    ):
        eventually(lambda: first.owns(2) and second.owns(2))
        eventually(lambda: len({*first.lane.values, *second.lane.values}) == 40)
        delete(apache.bootstrap, topic)
        create(apache.bootstrap, topic, 2)
        produce(apache.bootstrap, topic, numbered("new", 20), partition=None)
        # A question about a partition that is gone is asked for ten seconds; and so is a commit, for five.
        eventually(lambda: {*numbered("new", 20)} <= {*first.lane.values, *second.lane.values}, seconds=10)
        eventually(lambda: first.owns(1) and second.owns(1))


@pytest.mark.apache
def test_a_partition_that_its_topic_does_not_have_keeps_nobody_from_reading_the_others(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered("new", 3))
    member = Member(apache.bootstrap, topic, group=group)
    member.consumer._assignor = dated = Dated(group)
    member.consumer._options["partition_assignment_strategy"] = [dated]
    with member:
        eventually(lambda: member.lane.values == numbered("new", 3), seconds=10)
        assert member.owns(1)
        produce(apache.bootstrap, topic, numbered("newer", 3))
        eventually(lambda: len(member.lane.values) == 6, seconds=10)


class Dated(Assignor):
    """Of a leader that still knows the topic as it was: with one partition more."""

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, Any]:
        assigned = super().assign(cluster, members)
        ((member, assignment),) = assigned.items()
        given = [(topic, [*numbers, max(numbers) + 1]) for topic, numbers in assignment.assigned_partitions]
        return {member: ConsumerProtocolAssignment(self.version, given, b"")}


@pytest.mark.apache
def test_a_topic_that_is_deleted_is_let_go_and_read_again_when_it_is_back(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered("old", 3))
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: len(member.lane.values) == 3)
        delete(apache.bootstrap, topic)
        eventually(lambda: member.owns(0))
        create(apache.bootstrap, topic)
        produce(apache.bootstrap, topic, numbered("new", 2))
        eventually(lambda: len(member.lane.values) == 5)
        assert member.lane.failure is None
    assert [*numbered("old", 3), *numbered("new", 2)] == member.lane.values


@contextmanager
def made_anew_unheard(cluster: Cluster, unique: Names) -> Iterator[tuple[Member, TopicPartition, Any]]:
    """A member that read ten old records and has not heard that thirty new ones stand there now; and its client."""
    topic = unique("t")
    partition = TopicPartition(topic, 0)
    create(cluster.bootstrap, topic)
    produce(cluster.bootstrap, topic, numbered("old", 10))
    with unaware(cluster, topic, unique("g")) as member:
        eventually(lambda: len(member.lane.values) == 10)
        kafka = paused(member, partition)
        delete(cluster.bootstrap, topic)
        create(cluster.bootstrap, topic)
        produce(cluster.bootstrap, topic, numbered("new", 30))
        yield member, partition, kafka


def unaware(cluster: Cluster, topic: str, group: str) -> Member:
    """A member that looks at the topics only when it must, not every quarter of a minute."""
    member = Member(cluster.bootstrap, topic, group=group)
    member.consumer._options["metadata_max_age_ms"] = 300_000
    return member


def paused(member: Member, partition: TopicPartition) -> Any:
    """Its client, with no fetch under way: it hears nothing of what becomes of the topic."""
    kafka: Any = member.consumer._consumer
    member.consumer.pause_only(frozenset({partition}))
    eventually(lambda: kafka.paused() == {partition} and not kafka._fetcher._nodes_with_pending_fetch_requests)
    return kafka
