"""Topics for the tests of the whole worker: made, filled and read with kafka-python alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class Letter:
    """What a topic of dead letters holds: the record as it came, and our headers beside its own."""

    key: bytes | None
    value: bytes | None
    headers: dict[str, str] = field(repr=False)

    @property
    def reason(self) -> str:
        return self.headers["relay-reason"]


class Topics:
    """The topics of one broker."""

    def __init__(self, bootstrap: Sequence[str]) -> None:
        self.bootstrap = list(bootstrap)

    def create(self, name: str, partitions: int = PARTITIONS, *, replication: int = 1, **settings: str) -> str:
        """A new topic's name."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        configs = {key.replace("_", "."): value for key, value in settings.items()}
        wish = {"num_partitions": partitions, "replication_factor": replication, "configs": configs}
        try:
            admin.create_topics({name: wish}, wait_for_metadata=True)
        finally:
            admin.close()
        return name

    def produce(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]], *, partition: int | None = None
    ) -> list[tuple[int, int]]:
        """Keys and values, written in order and acknowledged: the partition and offset of each."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, max_request_size=32 << 20)
        try:
            sent = [producer.send(topic, value, key=key, partition=partition) for key, value in records]
            written = [each.get(30) for each in sent]
        finally:
            producer.close()
        return [(each.partition, each.offset) for each in written]

    def read(self, topic: str) -> list[Letter]:
        """All that a topic holds now."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            found: list[Letter] = []
            while any(consumer.position(each) < ends[each] for each in partitions):
                for records in consumer.poll(200).values():
                    found += map(_letter, records)
        finally:
            consumer.close()
        return found


def _letter(record: Any) -> Letter:
    return Letter(record.key, record.value, {name: value.decode() for name, value in record.headers})
