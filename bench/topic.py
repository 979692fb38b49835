"""The workload, produced once: every run reads it from its start, in a group of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from bench.workload import Workload, records

TOPIC = "bench"
PATIENCE = 120.0


def fill(bootstrap: Sequence[str], workload: Workload, topic: str = TOPIC) -> None:
    """Make the topic and produce the workload. Raises what Kafka answers."""
    make(bootstrap, workload.partitions, topic)
    produce(bootstrap, topic, records(workload))


def make(bootstrap: Sequence[str], partitions: int, *topics: str) -> None:
    """Raises what Kafka answers."""
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    try:
        admin.create_topics(
            {each: {"num_partitions": partitions, "replication_factor": 1, "configs": {}} for each in topics}
        )
    finally:
        admin.close()


def produce(bootstrap: Sequence[str], topic: str, said: Iterable[tuple[bytes | None, bytes]]) -> None:
    """Keys and values, in order; what has no key goes where Kafka likes. Raises what Kafka answers."""
    producer = KafkaProducer(bootstrap_servers=list(bootstrap), linger_ms=20, batch_size=256 << 10)
    try:
        sent = [producer.send(topic, value, key=key) for key, value in said]
        producer.flush(timeout=PATIENCE)
        for each in sent:
            each.get(0)
    finally:
        producer.close()


def held(bootstrap: Sequence[str], topic: str) -> int:
    """How many records a topic has."""
    consumer = KafkaConsumer(bootstrap_servers=list(bootstrap))
    try:
        partitions = consumer.partitions_for_topic(topic) or ()
        return sum(consumer.end_offsets([TopicPartition(topic, number) for number in partitions]).values())
    finally:
        consumer.close()
