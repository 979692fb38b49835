"""Kafka away and back, and Kafka behind TLS and a password."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka.errors import KafkaConnectionError

from tests.kafka.conftest import PASSWORD, USER, Secured
from tests.kafka.doubles import Heard, Member, create, eventually, produce
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection, KafkaNotReached
from worker.adapters.producer import Acknowledged, Produced, Producer
from worker.core.records import Position, TopicPartition
from worker.sandbox.brokers import apache as apache_kafka

pytestmark = pytest.mark.apache

Names = Callable[[str], str]


def test_a_broker_that_was_killed_and_came_back_is_read_on_without_loss(tmp_path: Path) -> None:
    partition = TopicPartition("orders", 0)
    with apache_kafka(tmp_path) as cluster:
        create(cluster.bootstrap, "orders")
        produce(cluster.bootstrap, "orders", [b"before"])
        with Member(cluster.bootstrap, "orders", group="g") as member:
            eventually(lambda: member.lane.values == [b"before"])
            # One in flight: it is answered, once, whatever became of it.
            in_flight = member.lane.position(partition)
            member.consumer.commit({partition: in_flight})
            cluster.kill()
            ((_, answer),) = eventually(lambda: member.lane.commits)
            # poll() may say nothing of it: the commit does.
            assert member.commit({partition: in_flight}) is not None
            eventually(lambda: member.consumer.lease_until < time.monotonic())
            cluster.start()
            if answer is None:
                assert group_commits(Connection(cluster.bootstrap), "g") == {partition: in_flight}
            produce(cluster.bootstrap, "orders", [b"after"])
            eventually(lambda: member.lane.values == [b"before", b"after"])
            eventually(lambda: member.commit({partition: Position(2)}) is None)
            assert time.monotonic() < member.consumer.lease_until
            assert group_commits(Connection(cluster.bootstrap), "g") == {partition: Position(2)}
        assert member.lane.failure is None


class Shy:
    """A client whose broker goes away twice while it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def partitions_for_topic(self, topic: str) -> set[int]:
        self.asked.append(topic)
        if len(self.asked) < 3:
            raise KafkaConnectionError("reset by peer")
        return {0}


def test_a_broker_that_goes_away_before_it_has_told_of_its_topics_is_asked_again() -> None:
    shy = Shy()
    Member(("127.0.0.1:1",), "orders", group="g").consumer._know_topics(shy)
    assert ["orders"] * 3 == shy.asked


def test_a_kafka_that_is_away_as_its_consumer_begins_is_named() -> None:
    with Member(("127.0.0.1:1",), "orders", group="g", connect_timeout=1.0) as member:
        assert isinstance(eventually(lambda: member.lane.failure), KafkaNotReached)


def test_everything_works_behind_tls_and_a_password(secured: Secured, unique: Names) -> None:
    topic = unique("t")
    address = secured.cluster.address("SASL_SSL")
    connection = Connection((address,), "SASL_SSL", "SCRAM-SHA-512", USER, PASSWORD, secured.ca_file)
    create(secured.cluster.bootstrap, topic)
    answers: list[Produced] = []
    producer = Producer(connection, call=lambda done, result: done(result), log=Heard())
    producer.start()
    producer.send(topic, key=b"k", value=b"v", headers=(), ordering_key=None, done=answers.append)
    eventually(lambda: answers == [Acknowledged()])
    producer.close(10)
    with Member((), topic, group=unique("g"), connection=connection) as member:
        eventually(lambda: member.lane.values == [b"v"])
        assert member.commit({TopicPartition(topic, 0): Position(1)}) is None
