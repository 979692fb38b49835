"""What Kafka holds, as the core sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class TopicPartition(NamedTuple):
    """Equal to kafka-python's own named tuple of the same fields."""

    topic: str
    partition: int


class Record(Protocol):
    """One record, as the client hands it over. ``timestamp`` is Kafka's, in Unix milliseconds.

    A protocol, not a class: kafka-python's own record fits, so nothing is copied on the hot path.
    """

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class Position:
    """What a commit says of one partition: the next offset to read, and the metadata that goes with it."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """One partition that this worker now owns: where reading begins, and what its commit's metadata said.

    ``topic_id`` is Kafka's own, 16 bytes; ``None`` where the broker has none. A topic that is made anew under its old
    name has another.
    """

    partition: TopicPartition
    position: Position
    topic_id: bytes | None = None
