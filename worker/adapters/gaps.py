"""Where to go on when Kafka no longer has the record that was to be read next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from worker.adapters import private_calls

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Reading was at ``wanted`` and continues at another offset.

    ``same_log``: the records between are gone, the others are what they were. Else other records may stand under
    offsets that were read already.
    """

    partition: KafkaPartition
    wanted: int
    continues_at: int
    same_log: bool
    reason: str


def found(consumer: KafkaConsumer, error: KafkaError) -> Iterator[Gap]:
    """What a poll's OffsetOutOfRangeError or LogTruncationError means. Raises KafkaError, to be asked again."""
    at = _wanted(consumer, error)
    earliest = consumer.beginning_offsets(list(at), timeout_ms=SECONDS * 1000) if at else {}
    known = error.divergent_offsets if isinstance(error, LogTruncationError) else {}
    for partition, wanted in at.items():
        first = earliest[partition]
        if isinstance(error, LogTruncationError):
            divergence = known[partition]
            place = first if divergence is None else divergence.offset
            yield Gap(partition, wanted, place, same_log=False, reason="Kafka lost records that were read already")
        elif wanted < first:
            yield Gap(partition, wanted, first, same_log=True, reason="retention deleted records unread")
        else:
            yield Gap(partition, wanted, first, same_log=False, reason="the log ends before what was read already")


def earliest(consumer: KafkaConsumer, partition: KafkaPartition) -> int:
    """The first offset that Kafka has. Raises KafkaError."""
    return int(consumer.beginning_offsets([partition], timeout_ms=SECONDS * 1000)[partition])


def _wanted(consumer: KafkaConsumer, error: KafkaError) -> dict[KafkaPartition, int]:
    if isinstance(error, OffsetOutOfRangeError):
        wanted = dict(error.args[0])
    else:
        positions = private_calls.positions(consumer)
        wanted = {partition: positions[partition] for partition in error.divergent_offsets if partition in positions}
    assigned = consumer.assignment()
    return {partition: offset for partition, offset in wanted.items() if partition in assigned}
