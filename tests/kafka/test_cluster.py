"""Questions to the cluster, on Apache Kafka and on the embedded broker."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition

from tests.kafka.doubles import create, produce
from worker.adapters.cluster import (
    DEFAULT_MAX_MESSAGE_BYTES,
    KafkaRefused,
    TopicFacts,
    count_between,
    create_topic,
    group_commits,
    topics,
)
from worker.adapters.connection import Connection
from worker.core.records import Position, TopicPartition
from worker.sandbox.brokers import Broker, Cluster

Names = Callable[[str], str]


@pytest.mark.apache
def test_a_created_topic_is_as_it_was_wished_and_a_missing_one_is_left_out(apache: Cluster, unique: Names) -> None:
    name = unique("t")
    connection = Connection(apache.bootstrap)
    wish = {"max.message.bytes": "2000000", "retention.ms": "1000000"}
    create_topic(connection, name, partitions=3, replication=1, settings=wish)
    found = topics(connection, [name, unique("missing")])
    operations = found[name].operations
    assert operations is not None
    assert operations >= {"READ", "WRITE", "DESCRIBE"}
    assert found == {name: TopicFacts(3, 1, 2_000_000, operations)}


@pytest.mark.apache
def test_creating_a_topic_twice_is_no_error(apache: Cluster, unique: Names) -> None:
    name = unique("t")
    for _ in range(2):
        create_topic(Connection(apache.bootstrap), name, partitions=1, replication=-1, settings={})
    assert topics(Connection(apache.bootstrap), [name])[name].partitions == 1


@pytest.mark.apache
def test_a_topic_that_cannot_be_is_refused_with_kafkas_own_words(apache: Cluster, unique: Names) -> None:
    name = unique("t")
    with pytest.raises(KafkaRefused, match=f"^Kafka would not create the topic {name}: Unable to replicate"):
        create_topic(Connection(apache.bootstrap), name, partitions=1, replication=7, settings={})


@pytest.mark.apache
def test_the_commits_of_a_group_come_with_their_metadata(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    connection = Connection(apache.bootstrap)
    assert group_commits(connection, group) == {}  # and from here on the cluster has a coordinator
    admin = KafkaAdminClient(bootstrap_servers=list(apache.bootstrap))
    admin.alter_group_offsets(group, {KafkaPartition(topic, 0): OffsetAndMetadata(5, "said", -1)})
    admin.close()
    assert group_commits(connection, group) == {TopicPartition(topic, 0): Position(5, "said")}


@pytest.mark.apache
def test_each_way_to_start_is_counted(apache: Cluster, unique: Names) -> None:
    topic, now = unique("t"), int(time.time())
    connection = Connection(apache.bootstrap)
    create(apache.bootstrap, topic, 2)
    produce(apache.bootstrap, topic, [b"a", b"b", b"c"], timestamp_ms=(now - 7200) * 1000)
    produce(apache.bootstrap, topic, [b"d"], partition=1, timestamp_ms=(now - 3600) * 1000)
    assert count_between(connection, topic, "earliest", now=now) == 4
    assert count_between(connection, topic, now - 5400.0, now=now) == 1
    assert count_between(connection, topic, "latest", now=now) == 0
    assert count_between(connection, unique("missing"), "earliest", now=now) == 0


def test_what_the_embedded_broker_does_not_tell_is_left_open(embedded: Broker, unique: Names) -> None:
    name = unique("t")
    create_topic(Connection(embedded.bootstrap), name, partitions=2, replication=1, settings={})
    expected = {name: TopicFacts(2, 1, DEFAULT_MAX_MESSAGE_BYTES, None)}
    assert expected == topics(Connection(embedded.bootstrap), [name])
