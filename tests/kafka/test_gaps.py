"""What it means that Kafka no longer has the record that was to be read next."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from kafka import OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka.errors import LogTruncationError, OffsetOutOfRangeError

from worker.adapters.gaps import Deleted, Parted, found

ONE, TWO, GONE = (KafkaPartition("orders", number) for number in range(3))


def a_consumer(positions: Mapping[KafkaPartition, int]) -> Any:
    """It owns the first two partitions, which hold the offsets from 10 to before 60."""
    subscription = SimpleNamespace(
        all_consumed_offsets=lambda: {each: OffsetAndMetadata(at, "", -1) for each, at in positions.items()}
    )
    return SimpleNamespace(
        _subscription=subscription,
        assignment=lambda: {ONE, TWO},
        beginning_offsets=lambda partitions, timeout_ms: dict.fromkeys(partitions, 10),
        end_offsets=lambda partitions, timeout_ms: dict.fromkeys(partitions, 60),
    )


def test_a_place_before_the_log_was_deleted_and_one_behind_it_is_in_another_log() -> None:
    error = OffsetOutOfRangeError({ONE: 3, TWO: 90, GONE: 3})
    assert [
        Deleted(ONE, wanted=3, first=10),
        Parted(TWO, wanted=90, first=10, parts_at=60, reason="the log ends before what was read already"),
    ] == list(found(a_consumer({}), error))


def test_a_log_that_lost_its_end_is_read_on_where_it_parts_from_what_was_read() -> None:
    reason = "Kafka lost records that were read already"
    error = LogTruncationError({ONE: OffsetAndMetadata(70, "", 4), TWO: None, GONE: OffsetAndMetadata(1, "", 4)})
    assert [
        Parted(ONE, wanted=90, first=10, parts_at=70, reason=reason),
        Parted(TWO, wanted=80, first=10, parts_at=10, reason=reason),  # where they part is not known
    ] == list(found(a_consumer({ONE: 90, TWO: 80, GONE: 5}), error))
