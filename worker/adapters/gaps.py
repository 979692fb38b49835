"""Where to go on when Kafka no longer has the record that was to be read next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from worker.adapters import private_calls

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Deleted:
    """The records from ``wanted`` to before ``first`` are gone, and the others are what they were."""

    partition: KafkaPartition
    wanted: int
    first: int


@dataclass(frozen=True, slots=True)
class Parted:
    """Reading was at ``wanted``, and the log is another one from ``parts_at`` on; it begins with ``first``.

    It lost its end (a broker that lost what it had not written to its disk, a follower that was behind and was elected
    all the same), or it is another topic's.
    """

    partition: KafkaPartition
    wanted: int
    first: int
    parts_at: int
    reason: str


Gap: TypeAlias = Deleted | Parted


def found(consumer: KafkaConsumer, error: KafkaError) -> Iterator[Gap]:
    """What a poll's OffsetOutOfRangeError or LogTruncationError means. Raises KafkaError, to be asked again."""
    at = _wanted(consumer, error)
    if not at:
        return
    earliest = consumer.beginning_offsets(list(at), timeout_ms=SECONDS * 1000)
    if isinstance(error, LogTruncationError):
        yield from _truncated(error, at, earliest)
        return
    ends = consumer.end_offsets(list(at), timeout_ms=SECONDS * 1000)
    for partition, wanted in at.items():
        first = earliest[partition]
        if wanted < first:
            yield Deleted(partition, wanted, first)
        else:
            yield Parted(partition, wanted, first, ends[partition], "the log ends before what was read already")


def _truncated(
    error: LogTruncationError, at: Mapping[KafkaPartition, int], earliest: Mapping[KafkaPartition, int]
) -> Iterator[Parted]:
    for partition, wanted in at.items():
        first, divergence = earliest[partition], error.divergent_offsets[partition]
        parts_at = first if divergence is None else divergence.offset
        yield Parted(partition, wanted, first, parts_at, "Kafka lost records that were read already")


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
