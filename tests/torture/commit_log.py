"""What Kafka's own topic of commits says: which offsets a group committed, with which metadata, and when.

Its records are Kafka's ``OffsetCommitKey`` and ``OffsetCommitValue``: big-endian fields behind a version. From version
4 on the value has compact strings and ends in tagged fields, which nobody needs here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from tests.torture.judge import Commit
from worker.core.commit_metadata import decode
from worker.core.varint import Reader

TOPIC: Final = "__consumer_offsets"
KEYS_OF_COMMITS: Final = (0, 1)
WITH_EPOCH: Final = 3
COMPACT: Final = 4


def commits(records: Iterable[Any], group: str) -> Iterator[Commit]:
    """Of the topic's records the commits of one group with one source topic, in their order.

    A tombstone (expired, deleted) is no commit. Raises ``ValueError`` for metadata that is not the worker's.
    """
    for record in records:
        key = Reader(record.key)
        if _number(key, 2) in KEYS_OF_COMMITS and _text(key) == group and record.value:
            _text(key)  # the topic
            yield _commit(_number(key, 4), Reader(record.value))


def _commit(partition: int, value: Reader) -> Commit:
    version, offset = _number(value, 2), _number(value, 8)
    if version >= WITH_EPOCH:
        value.take(4)
    metadata = value.take(value.varint() - 1).decode() if version >= COMPACT else _text(value)
    said = decode(metadata, offset)
    if said is None:
        raise ValueError(f"damaged metadata in partition {partition} at {offset}")
    return Commit(_number(value, 8) / 1000, partition, offset, said.settled)


def _number(reader: Reader, octets: int) -> int:
    return int.from_bytes(reader.take(octets), "big", signed=True)


def _text(reader: Reader) -> str:
    return reader.take(_number(reader, 2)).decode()
