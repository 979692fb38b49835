"""What was fetched of a partition before it was paused is read after it is resumed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from tests.kafka.doubles import Lane, Member, create, eventually, produce
from worker.adapters import private_calls
from worker.core.records import TopicPartition
from worker.sandbox.brokers import Cluster

pytestmark = pytest.mark.apache

RECORDS = 3000


def a_topic(apache: Cluster, name: str, partitions: int) -> str:
    create(apache.bootstrap, name, partitions=partitions)
    produce(apache.bootstrap, name, [b"%d" % number for number in range(RECORDS)], partition=None)
    return name


def test_the_rest_of_a_fetch_comes_after_a_pause(apache: Cluster, unique: Any) -> None:
    topic = a_topic(apache, unique("t"), partitions=2)
    half = RECORDS // 2
    taken = {KafkaPartition(topic, 0): 0, KafkaPartition(topic, 1): 0}
    consumer = KafkaConsumer(bootstrap_servers=list(apache.bootstrap), auto_offset_reset="earliest")

    def poll(most: int) -> bool:
        private_calls.unpark(consumer)
        for partition, records in consumer.poll(timeout_ms=50, max_records=most).items():
            taken[partition] += len(records)
        return False

    try:
        consumer.assign(list(taken))
        eventually(lambda: poll(10) or any(taken.values()))
        begun = next(partition for partition, count in taken.items() if count)
        other = next(partition for partition in taken if partition != begun)
        consumer.pause(begun)
        eventually(lambda: poll(500) or taken[other] == half)
        assert taken[begun] < half
        consumer.resume(begun)
        eventually(lambda: poll(500) or taken[begun] == half)
    finally:
        consumer.close()


def test_a_lane_that_pauses_as_it_likes_gets_everything(apache: Cluster, unique: Any) -> None:
    partitions = 6
    topic = a_topic(apache, unique("t"), partitions)
    chance = random.Random(1)
    lane = Lane()

    def take() -> None:
        # Whatever is parked when the pauses end stays so where nobody unparks it.
        paused = (
            chance.sample(range(partitions), chance.randrange(partitions)) if len(lane.values) < RECORDS // 2 else []
        )
        member.consumer.pause_only(frozenset(TopicPartition(topic, each) for each in paused))
        member.consumer.taken()

    lane.take = take
    with Member(apache.bootstrap, topic, group=unique("g"), lane=lane) as member:
        eventually(lambda: member.owns(partitions))
        eventually(lambda: len(lane.values) == RECORDS)
    assert {b"%d" % number for number in range(RECORDS)} == set(lane.values)
