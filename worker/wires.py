"""What a lane is wired to, as it sees them: the adapters, or a test's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from mappings.contract import Request, Response
from worker.adapters.producer import Acknowledged, ProduceFailed
from worker.core.faults import Fault
from worker.core.records import Position, TopicPartition


class Exchange(Protocol):
    """A request that is under way."""

    def cut(self) -> None:
        """Close its connection; nothing is heard of it any more."""


Heard: TypeAlias = Callable[[Response | Fault], None]


class Transport(Protocol):
    """Requests out, answers in."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    def ask(self, request: Request, headers: Mapping[str, str], heard: Heard) -> Exchange:
        """``heard`` is called once, later than this returns, with what came of it."""


class Consumer(Protocol):
    """The lane's consumer; its calls may come from any thread."""

    ends: Mapping[TopicPartition, int]
    topic_partitions: Mapping[str, int]  # how many each has
    turns: int  # of its thread: another number whenever it has polled

    @property
    def lease_until(self) -> float: ...
    @property
    def metadata_ignored(self) -> int: ...
    def start(self) -> None: ...
    def pause_only(self, partitions: frozenset[TopicPartition]) -> None: ...
    def commit(self, positions: Mapping[TopicPartition, Position]) -> None: ...
    def taken(self) -> None: ...
    def close(self) -> None: ...


class Producer(Protocol):
    """Dead letters out; ``done`` is called on the loop."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        ordering_key: bytes | None,
        done: Callable[[Acknowledged | ProduceFailed], None],
        may_write: Callable[[], bool],
    ) -> None: ...


class ProducerThread(Producer, Protocol):
    """One that has a life of its own, beside the lanes."""

    def start(self) -> None: ...
    def close(self, timeout: float) -> None: ...
