"""The consumer on the embedded broker: what the demo rests on, and what that broker lacks and is said."""

from __future__ import annotations

from collections.abc import Callable

from tests.kafka.doubles import Member, create, eventually, produce
from worker.core.records import Position, TopicPartition
from worker.sandbox.brokers import Broker

Names = Callable[[str], str]


def test_records_come_and_commits_hold(embedded: Broker, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    partition = TopicPartition(topic, 0)
    create(embedded.bootstrap, topic)
    produce(embedded.bootstrap, topic, [b"%d" % number for number in range(5)])
    with Member(embedded.bootstrap, topic, group=group) as first:
        eventually(lambda: len(first.lane.values) == 5)
        assert first.commit({partition: Position(3)}) is None
    with Member(embedded.bootstrap, topic, group=group) as second:
        eventually(lambda: len(second.lane.values) == 2)
    assert second.lane.begun[0].position.offset == 3


def test_a_broker_that_keeps_no_commit_metadata_is_noticed_and_told(embedded: Broker, unique: Names) -> None:
    topic = unique("t")
    create(embedded.bootstrap, topic)
    with Member(embedded.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.owns(1))
        assert member.consumer.keeps_metadata is False
    said = [event for event in member.log.events if event.startswith("this broker keeps no commit metadata")]
    assert len(said) == 1
