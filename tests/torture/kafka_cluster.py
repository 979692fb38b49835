"""What is done to Kafka: nodes that are killed, topics that take nothing; and questions about groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource
from kafka.errors import KafkaError

from tests.torture.commit_log import TOPIC
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection
from worker.sandbox.brokers import Cluster, apache

LIMIT: Final = "max.message.bytes"
PATIENCE: Final = 60.0
AGAIN: Final = 0.5
PARTITIONS: Final = 6


class Kafka:
    """A cluster under torture. Everything blocks until it is done."""

    def __init__(self, cluster: Cluster, nodes: int) -> None:
        self._cluster = cluster
        self.nodes = nodes
        self.bootstrap = cluster.bootstrap
        self.connection = Connection(cluster.bootstrap)

    def crash(self, node: int, seconds: float) -> None:
        """SIGKILL, and back again after so long: until it serves."""
        self._cluster.kill(node)
        time.sleep(seconds)
        self._cluster.start(node)

    def coordinator(self, group: str) -> int:
        """The node that coordinates a group."""
        (topic,) = _asked(self.connection, lambda admin: admin.describe_topics([TOPIC]))
        leads = {each["partition_index"]: each["leader_id"] for each in topic["partitions"]}
        return int(leads[_hash(group) % len(leads)])

    @contextmanager
    def refusing(self, topic: str) -> Iterator[None]:
        """A topic that takes no record of any size."""
        self._limit(topic, "1")
        try:
            yield
        finally:
            self._limit(topic, "2097152")

    def refuse_commits(self, seconds: float) -> None:
        with self.refusing(TOPIC):
            time.sleep(seconds)

    def _limit(self, topic: str, size: str) -> None:
        wish = ConfigResource("TOPIC", topic, {LIMIT: size})
        _asked(self.connection, lambda admin: admin.alter_configs([wish]))

    def behind(self, group: str, topic: str) -> Mapping[int, int]:
        """How many records of each partition are above the group's commit; only of those where there are any."""
        consumer = KafkaConsumer(bootstrap_servers=list(self.bootstrap), enable_auto_commit=False)
        try:
            ends = consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
        finally:
            consumer.close()
        had = group_commits(self.connection, group)
        at = {partition.partition: position.offset for partition, position in had.items() if partition.topic == topic}
        left = {partition.partition: end - at.get(partition.partition, 0) for partition, end in ends.items()}
        return {number: count for number, count in left.items() if count}


def _hash(text: str) -> int:
    """Java's, without its sign: a group's commits are in the partition of this number."""
    found = 0
    for letter in text:
        found = (31 * found + ord(letter)) & 0xFFFFFFFF
    return found & 0x7FFFFFFF


def _asked(connection: Connection, question: Callable[[KafkaAdminClient], Any]) -> Any:
    """The answer, however often Kafka has to be asked."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            admin = KafkaAdminClient(bootstrap_servers=list(connection.bootstrap_servers), bootstrap_timeout_ms=5000)
            try:
                return question(admin)
            finally:
                with suppress(KafkaError):
                    admin.close()
        except KafkaError:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN)


@contextmanager
def kafka(folder: Path, nodes: int) -> Iterator[Kafka]:
    with apache(folder, nodes) as cluster:
        yield Kafka(cluster, nodes)
