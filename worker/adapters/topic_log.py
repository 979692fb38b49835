"""A topic read from some place to its end, in no group."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from worker.adapters.cluster import SECONDS, KafkaRefused, refusals
from worker.adapters.connection import Connection, connected
from worker.core.records import Record

POLL_MS: Final = 500
POLL_RECORDS: Final = 2_000
READING: Final[dict[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",  # retention may take what was asked for: the rest is read
    "isolation_level": "read_committed",
    "metrics_enabled": False,
}
TIMEOUT: Final = {"timeout_ms": SECONDS * 1000}


class TopicLog:
    """One topic, open for reading. Everything raises KafkaRefused where Kafka does not answer or allow it."""

    def __init__(self, connection: Connection, consumer: KafkaConsumer, topic: str) -> None:
        self._connection = connection
        self._consumer = consumer
        self._topic = topic

    def ends(self) -> dict[int, int]:
        """The next offset of each partition."""
        with refusals(self._connection, f"tell where {self._topic} ends"):
            partitions = self._partitions()
            ends = self._consumer.end_offsets(partitions, **TIMEOUT) if partitions else {}
        return {partition.partition: end for partition, end in ends.items()}

    def since(self, moment: float) -> dict[int, int]:
        """The first offset of each partition that is not older than ``moment`` (Unix seconds), or its end."""
        with refusals(self._connection, f"tell what {self._topic} has had since then"):
            wanted = dict.fromkeys(self._partitions(), round(moment * 1000))
            found = self._consumer.offsets_for_times(wanted, **TIMEOUT) if wanted else {}
        ends = self.ends()
        return {each.partition: ends[each.partition] if at is None else at.offset for each, at in found.items()}

    def records(self, begins: Mapping[int, int] | None = None, *, most: int | None = None) -> Iterator[Record]:
        """Each partition's in their order, from ``begins`` (else the beginning) to its end as it is by then.

        With ``begins`` only those partitions; ``most`` records of each at most, as far as offsets tell.
        """
        with refusals(self._connection, f"give what {self._topic} holds"):
            left = self._seek(begins, most)
            deadline = time.monotonic() + SECONDS
            while left:
                batch = self._consumer.poll(POLL_MS, max_records=POLL_RECORDS)
                for records in batch.values():
                    yield from records
                left = {each: end for each, end in left.items() if self._position(each) < self._end(each, end, most)}
                if batch:
                    deadline = time.monotonic() + SECONDS
                elif left and time.monotonic() > deadline:
                    raise KafkaRefused(f"Kafka gave nothing more of {self._topic} for {SECONDS:.0f} s")

    def _seek(self, begins: Mapping[int, int] | None, most: int | None) -> dict[KafkaPartition, int]:
        """Where each partition ends that has something to read."""
        partitions = [each for each in self._partitions() if begins is None or each.partition in begins]
        if not partitions:
            return {}
        self._consumer.assign(partitions)
        firsts = self._consumer.beginning_offsets(partitions, **TIMEOUT)
        ends = self._consumer.end_offsets(partitions, **TIMEOUT)
        left: dict[KafkaPartition, int] = {}
        for each in partitions:
            begin = firsts[each] if begins is None else max(begins[each.partition], firsts[each])
            self._consumer.seek(each, begin)
            end = ends[each] if most is None else min(ends[each], begin + most)
            if begin < end:
                left[each] = end
        self._consumer.pause(*(each for each in partitions if each not in left))
        self._consumer.resume(*left)  # the same assignment once more keeps what was paused before
        return left

    def _end(self, partition: KafkaPartition, end: int, most: int | None) -> int:
        """Some brokers report an end that is behind what they hand out; what a fetch says is right."""
        return end if most is not None else max(end, self._consumer.highwater(partition) or 0)

    def _position(self, partition: KafkaPartition) -> int:
        position: int = self._consumer.position(partition, **TIMEOUT)
        return position

    def _partitions(self) -> list[KafkaPartition]:
        numbers = self._consumer.partitions_for_topic(self._topic) or ()
        return [KafkaPartition(self._topic, number) for number in sorted(numbers)]


@contextmanager
def opened(connection: Connection, topic: str) -> Iterator[TopicLog]:
    """The topic, as long as the block lasts. Raises KafkaRefused."""
    with refusals(connection, f"let {topic} be read"):
        consumer = connected(KafkaConsumer, connection, SECONDS, **READING)
    try:
        yield TopicLog(connection, consumer, topic)
    finally:
        consumer.close()
