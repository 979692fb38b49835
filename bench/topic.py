"""The workload, produced once: every run reads it from its start, in a group of its own."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import KafkaAdminClient, KafkaProducer

from bench.workload import Workload, records

TOPIC = "bench"
PATIENCE = 120.0


def fill(bootstrap: Sequence[str], workload: Workload, topic: str = TOPIC) -> None:
    """Make the topic and produce the workload. Raises what Kafka answers."""
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    try:
        admin.create_topics({topic: {"num_partitions": workload.partitions, "replication_factor": 1, "configs": {}}})
    finally:
        admin.close()
    producer = KafkaProducer(bootstrap_servers=list(bootstrap), linger_ms=20, batch_size=256 << 10)
    try:
        sent = [producer.send(topic, value, key=key) for key, value in records(workload)]
        producer.flush(timeout=PATIENCE)
        for each in sent:
            each.get(0)
    finally:
        producer.close()
