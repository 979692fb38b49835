"""A join that one poll had no time for is finished by the next, and who falls out meanwhile has lost its partitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient, KafkaConsumer

from tests.kafka.doubles import Member, create, eventually, produce
from worker.adapters import private_calls
from worker.adapters.reader import SHORT_MS
from worker.core.records import TopicPartition
from worker.sandbox.brokers import Cluster

pytestmark = pytest.mark.apache


def test_a_rebalance_after_new_metadata_ends_however_short_the_polls_are(
    apache: Cluster, unique: Callable[[str], str]
) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    consumer = KafkaConsumer(bootstrap_servers=list(apache.bootstrap), group_id=unique("g"), enable_auto_commit=False)

    def owns(number: int) -> bool:
        private_calls.finish_join(consumer)
        consumer.poll(timeout_ms=SHORT_MS)
        return len(consumer.assignment()) == number

    try:
        # A leader that joins before its metadata are there gives nothing to anybody, and may never notice.
        eventually(lambda: consumer.partitions_for_topic(topic))
        consumer.subscribe([topic])
        eventually(lambda: owns(1))
        admin = KafkaAdminClient(bootstrap_servers=list(apache.bootstrap))
        for partitions in range(2, 7):
            admin.create_partitions({topic: partitions})
            eventually(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == partitions)  # noqa: B023  (at once)
            consumer._cluster.request_update()
            eventually(lambda: owns(partitions))  # noqa: B023  (at once)
        admin.close()
    finally:
        consumer.close()


def test_who_falls_out_of_its_group_while_it_joins_has_lost_its_partitions(
    apache: Cluster, unique: Callable[[str], str]
) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    produce(apache.bootstrap, topic, [b"one"])
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        eventually(lambda: member.lane.values == [b"one"])
        coordinator = member.consumer._consumer._coordinator  # type: ignore[union-attr]  # it runs
        coordinator.rejoining = True  # a join is prepared and on its way
        coordinator.reset_generation()  # and its answer: this member is unknown
        eventually(lambda: member.lane.losses)
        # Nothing was committed: it begins where the group's commit says, not where it had been.
        eventually(lambda: member.lane.values == [b"one", b"one"])
    assert [frozenset({TopicPartition(topic, 0)})] == member.lane.losses
