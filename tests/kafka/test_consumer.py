"""The consumer on Apache Kafka: where it begins, what it commits, how it shares a group."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka import TopicPartition as KafkaPartition

from tests.kafka.doubles import Member, alter, create, eventually, produce, topic_id
from worker.adapters.beginnings import FORGOTTEN
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection
from worker.core.commit_metadata import LONGEST_TEXT, Metadata, encode
from worker.core.offset_map import OffsetMap
from worker.core.records import Assigned, Position, TopicPartition
from worker.core.starts import NoStart, StartAt
from worker.sandbox.brokers import Cluster

pytestmark = pytest.mark.apache

Names = Callable[[str], str]

AN_HOUR_AGO = int(time.time()) - 3600  # not long ago: retention looks at these times


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


def test_what_was_committed_is_where_the_next_one_goes_on(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(10))

    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: len(first.lane.values) == 10)
        text = encode(Metadata(start=0.0, topic_id=topic_id(apache.bootstrap, topic)), 7)
        assert first.commit({partition: Position(7, text)}) is None
    assert first.lane.has_closed
    assert first.lane.failure is None

    with Member(apache.bootstrap, topic, group=group, start_at=None) as second:
        eventually(lambda: len(second.lane.values) == 3)
    assert second.lane.begun == [Assigned(partition, Position(7, text), topic_id(apache.bootstrap, topic))]
    assert second.lane.values == numbered(3, first=7)


def test_the_start_is_committed_before_the_first_record_is_handed_over(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(3))
    seen = []
    member = Member(apache.bootstrap, topic, group=group)

    def look() -> None:
        seen.append(group_commits(Connection(apache.bootstrap), group))
        member.consumer.taken()

    member.lane.take = look
    with member:
        eventually(lambda: seen)
    said = Metadata(start=0.0, topic_id=topic_id(apache.bootstrap, topic))
    assert seen[0] == {partition: Position(0, encode(said, 0))}


def test_a_batch_moves_the_position_and_the_end(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(5))
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.lane.next.get(partition) == 5)
        eventually(lambda: member.consumer.ends == {partition: 5})
        assert {partition.topic: 1} == member.consumer.topic_partitions


def test_earliest_begins_at_the_beginning_of_the_log(apache: Cluster, unique: Names) -> None:
    assert values_from("earliest", apache, unique) == [b"old", b"newer", b"now"]


def test_a_time_begins_at_the_first_record_so_late(apache: Cluster, unique: Names) -> None:
    assert values_from(AN_HOUR_AGO - 1, apache, unique) == [b"newer", b"now"]


def test_latest_begins_with_what_comes_from_now_on(apache: Cluster, unique: Names) -> None:
    assert values_from("latest", apache, unique) == [b"now"]


def values_from(start: StartAt, apache: Cluster, unique: Names) -> list[bytes | None]:
    topic = unique("t")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, [b"old"], timestamp_ms=(AN_HOUR_AGO - 3600) * 1000)
    produce(apache.bootstrap, topic, [b"newer"], timestamp_ms=AN_HOUR_AGO * 1000)
    with Member(apache.bootstrap, topic, group=unique("g"), start_at=start) as member:
        eventually(lambda: member.owns(1))
        produce(apache.bootstrap, topic, [b"now"])
        eventually(lambda: b"now" in member.lane.values)
    return member.lane.values


def test_without_a_commit_and_without_a_setting_nothing_begins(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(1))
    with Member(apache.bootstrap, topic, group=group, start_at=None) as member:
        failure = eventually(lambda: member.lane.failure)
    assert isinstance(failure, NoStart)
    assert (member.lane.values, group_commits(Connection(apache.bootstrap), group)) == ([], {})


def test_a_group_whose_commits_have_expired_says_so_loudly_and_begins_as_a_new_one(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(3))
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(1))
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as second:
        eventually(lambda: second.owns(1))
    # What an expiry leaves (seen on a broker that keeps them for a minute): no commit of the group at all.
    admin = KafkaAdminClient(bootstrap_servers=list(apache.bootstrap))
    admin.delete_groups([group])
    admin.close()
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as third:
        eventually(lambda: third.owns(1))
    assert [each.position.offset for each in (*second.lane.begun, *third.lane.begun)] == [0, 3]
    said = {"start_at": "latest"}
    assert [(FORGOTTEN, said) in member.log.lines for member in (second, third)] == [False, True]


@pytest.mark.parametrize("kept", [True, False], ids=["its text kept", "its text dropped"])
def test_a_commit_that_a_tool_moved_back_is_obeyed_without_its_map(apache: Cluster, unique: Names, kept: bool) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(10))
    text = encode(Metadata(start=0.0, settled=OffsetMap(9, (5, 7))), 5)
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(1))
        assert first.commit({partition: Position(5, text)}) is None
    alter(apache, group, partition, Position(2, text if kept else ""))
    with Member(apache.bootstrap, topic, group=group) as second:
        eventually(lambda: len(second.lane.values) == 8)
    found = topic_id(apache.bootstrap, topic)
    # Nobody carries the group's start any more: it is what the setting says.
    expected = Position(2, encode(Metadata(start=0.0, topic_id=found), 2))
    assert second.lane.begun == [Assigned(partition, expected, found)]
    assert second.consumer.metadata_ignored == kept


def test_a_text_of_the_greatest_length_is_kept_and_a_longer_one_is_told(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    longest = Position(0, "x" * LONGEST_TEXT)
    with Member(apache.bootstrap, topic, group=group) as member:
        eventually(lambda: member.owns(1))
        assert member.commit({partition: longest}) is None
        assert member.commit({partition: Position(0, "x" * (LONGEST_TEXT + 1))}) == "OffsetMetadataTooLargeError"
        assert group_commits(Connection(apache.bootstrap), group) == {partition: longest}
        assert member.commit({partition: Position(0)}) is None
        assert member.lane.failure is None


def test_latest_means_when_the_group_began_also_for_a_partition_that_the_topic_gains(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as member:
        eventually(lambda: member.owns(1))
    grow(apache, topic, 2)
    # Written while nobody reads, to a partition that no commit tells of.
    produce(apache.bootstrap, topic, [b"to the new one"], partition=1)
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as member:
        eventually(lambda: member.lane.values)
    assert member.lane.values == [b"to the new one"]


def test_a_partition_that_the_topic_gains_is_read_without_a_restart(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=group) as member:
        eventually(lambda: member.owns(1))
        grow(apache, topic, 2)
        produce(apache.bootstrap, topic, [b"to the new one"], partition=1)
        assert member.consumer._consumer is not None
        member.consumer._consumer._cluster.request_update()  # instead of waiting for the minute to pass
        eventually(lambda: member.lane.values)
    assert member.lane.values == [b"to the new one"]


def test_a_start_that_was_committed_survives_a_crash_before_the_first_commit(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as member:
        eventually(lambda: member.owns(1))
    produce(apache.bootstrap, topic, [b"while nobody was there"])
    with Member(apache.bootstrap, topic, group=group, start_at="latest") as member:
        eventually(lambda: member.lane.values)
    assert member.lane.values == [b"while nobody was there"]


def test_damaged_metadata_is_told_and_the_commit_still_holds(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(5))
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(1))
        assert first.commit({partition: Position(3, "not ours")}) is None
    with Member(apache.bootstrap, topic, group=group, start_at=None) as second:
        eventually(lambda: len(second.lane.values) == 2)
    found = topic_id(apache.bootstrap, topic)
    assert second.lane.begun == [Assigned(partition, Position(3, encode(Metadata(topic_id=found), 3)), found)]
    assert second.consumer.metadata_ignored == 1
    assert "commit metadata is damaged or of another version, and ignored" in second.log.events


def test_paused_partitions_bring_nothing_until_they_are_not_named(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, 2)
    stopped, going = TopicPartition(topic, 0), TopicPartition(topic, 1)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        member.consumer.pause_only(frozenset({stopped}))
        eventually(lambda: member.owns(2))
        produce(apache.bootstrap, topic, numbered(10), partition=0)
        produce(apache.bootstrap, topic, numbered(10), partition=1)
        eventually(lambda: len(member.lane.records[going]) == 10)
        assert member.lane.records[stopped] == []
        member.consumer.pause_only(frozenset())
        eventually(lambda: len(member.lane.records[stopped]) == 10)


def test_what_was_fetched_before_a_pause_comes_after_it(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, 2)
    stopped, going = TopicPartition(topic, 0), TopicPartition(topic, 1)
    produce(apache.bootstrap, topic, numbered(5000), partition=0)
    member = Member(apache.bootstrap, topic, group=unique("g"))

    def pause_at_once() -> None:
        member.consumer.pause_only(frozenset({stopped}))
        member.consumer.taken()

    member.lane.take = pause_at_once
    with member:
        eventually(lambda: member.lane.records[stopped])
        produce(apache.bootstrap, topic, numbered(10), partition=1)
        eventually(lambda: len(member.lane.records[going]) == 10)
        assert len(member.lane.records[stopped]) < 5000
        member.lane.take = member.consumer.taken
        member.consumer.pause_only(frozenset())
        eventually(lambda: len(member.lane.records[stopped]) == 5000)


def test_no_more_than_two_batches_wait_for_the_lane(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, 8)
    batches: list[None] = []
    member = Member(apache.bootstrap, topic, group=unique("g"))
    member.lane.take = lambda: batches.append(None)
    with member:
        eventually(lambda: member.owns(8))
        for partition in range(8):
            produce(apache.bootstrap, topic, numbered(500), partition=partition)
        eventually(lambda: len(batches) == 2)
        # Alive, and reading no further: it commits, and its ends are seen, but nothing comes.
        assert member.commit({TopicPartition(topic, 0): Position(0)}) is None
        assert len(batches) == 2
        for _ in range(2):
            member.consumer.taken()
        member.lane.take = member.consumer.taken
        eventually(lambda: len(member.lane.values) == 4000)


def test_what_retention_deleted_unread_is_told_and_reading_goes_on(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(10))
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(1))
        assert first.commit({partition: Position(2)}) is None
    delete(apache, partition, before=6)
    with Member(apache.bootstrap, topic, group=group) as second:
        eventually(lambda: len(second.lane.values) == 4)
    assert second.lane.gaps == [(partition, 2, 6)]
    assert second.lane.values == numbered(4, first=6)


def test_what_retention_deletes_of_a_partition_that_waits_is_told(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.owns(1))
        produce(apache.bootstrap, topic, numbered(4))
        eventually(lambda: len(member.lane.values) == 4)
        member.consumer.pause_only(frozenset({partition}))
        kafka = member.consumer._consumer
        assert kafka is not None
        eventually(lambda: kafka.paused() == {partition})
        produce(apache.bootstrap, topic, numbered(1, first=4))  # it may still come by the fetch that is under way
        produce(apache.bootstrap, topic, numbered(5, first=5))
        delete(apache, partition, before=8)
        member.consumer.pause_only(frozenset())
        eventually(lambda: b"9" in member.lane.values)
    ((told, first, until),) = member.lane.gaps
    assert (told, until) == (partition, 8)
    assert first in (4, 5)
    assert member.lane.values == [*numbered(first), *numbered(2, first=8)]


def test_a_foreign_commit_past_the_end_of_the_log_begins_it_anew(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(3))
    alter(apache, group, partition, Position(50))
    with Member(apache.bootstrap, topic, group=group) as member:
        eventually(lambda: len(member.lane.values) == 3)
    assert member.lane.losses == [frozenset({partition})]
    assert [each.position.offset for each in member.lane.begun] == [50, 0]


def test_a_log_that_lost_its_end_is_read_on_from_what_is_committed_and_not_from_its_beginning(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(6))
    with Member(apache.bootstrap, topic, group=group) as member:
        eventually(lambda: len(member.lane.values) == 6)
        found = topic_id(apache.bootstrap, topic)
        text = encode(Metadata(start=0.0, topic_id=found, settled=OffsetMap(6, (4,))), 4)
        assert member.commit({partition: Position(4, text)}) is None
        kafka = member.consumer._consumer
        assert kafka is not None
        kafka.seek(KafkaPartition(*partition), 50)  # as if there had been so many
        eventually(lambda: len(member.lane.begun) == 2)
        eventually(lambda: len(member.lane.values) == 8)
    assert member.lane.losses == [frozenset({partition})]
    assert member.lane.begun[-1] == Assigned(
        partition, Position(4, encode(Metadata(start=0.0, topic_id=found), 4)), found
    )
    assert member.lane.values == [*numbered(6), *numbered(2, first=4)]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_every_codec_can_be_read(apache: Cluster, unique: Names, codec: str) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, numbered(50), compression_type=codec)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: len(member.lane.values) == 50)
    assert member.lane.values == numbered(50)


def test_the_position_moves_over_what_an_aborted_transaction_left(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    with transaction(apache, topic, unique("tx"), b"never was") as producer:
        producer.abort_transaction()
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.lane.next.get(partition) == 2)  # the record and the marker
    assert member.lane.values == []


def test_an_open_transaction_is_waited_for_and_nothing_behind_it_is_read(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    partition = TopicPartition(topic, 0)
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        produce(apache.bootstrap, topic, [b"before"])
        with transaction(apache, topic, unique("tx"), b"open") as producer:
            produce(apache.bootstrap, topic, [b"behind"])
            eventually(lambda: member.lane.next.get(partition) == 1)
            assert member.commit({partition: Position(1)}) is None
            assert (member.lane.values, member.lane.next[partition]) == ([b"before"], 1)
            producer.commit_transaction()
        eventually(lambda: member.lane.next.get(partition) == 4)  # with the marker
    assert member.lane.values == [b"before", b"open", b"behind"]


@contextmanager
def transaction(cluster: Cluster, topic: str, name: str, value: bytes) -> Iterator[KafkaProducer]:
    """Open, with a record in partition 0."""
    producer = KafkaProducer(bootstrap_servers=list(cluster.bootstrap), transactional_id=name)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, value, partition=0)
    producer.flush()
    yield producer
    producer.close()


def test_commit_metadata_is_found_to_be_kept(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.owns(1))
        assert member.consumer.keeps_metadata is True


def grow(cluster: Cluster, topic: str, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(cluster.bootstrap))
    admin.create_partitions({topic: partitions})
    eventually(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == partitions)
    admin.close()


def delete(cluster: Cluster, partition: TopicPartition, before: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(cluster.bootstrap))
    admin.delete_records({KafkaPartition(*partition): before})
    admin.close()
