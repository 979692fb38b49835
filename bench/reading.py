"""The worker's consumer alone: its options, its threads, its way onto the event loop, and nobody behind it."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bench.topic import TOPIC, fill
from bench.workload import Workload
from worker.adapters.connection import Connection
from worker.adapters.consumer import Consumer, Membership
from worker.adapters.inbox import Partitions, Release
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.sandbox.brokers import apache

QUIET = structlog.wrap_logger(
    structlog.PrintLogger(sys.stderr), wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
)


@dataclass(frozen=True, slots=True)
class Topic:
    """The workload, on a broker."""

    bootstrap: tuple[str, ...]
    workload: Workload


@contextmanager
def a_topic(workload: Workload) -> Iterator[Topic]:
    """On an Apache Kafka of its own. Raises ``BrokerUnavailable``."""
    with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
        fill(cluster.bootstrap, workload)
        yield Topic(tuple(cluster.bootstrap), workload)


@dataclass(slots=True, eq=False)
class Counting:
    """Takes what comes at once, and counts it. ``watched`` is called at the first batch and after the last event."""

    expected: int
    done: asyncio.Future[None]
    watched: Callable[[], object]
    consumer: Consumer = field(init=False)
    came: int = 0

    def assigned(self, partitions: Sequence[Assigned]) -> None:
        if partitions:
            self.watched()

    def received(
        self, batch: Mapping[TopicPartition, Sequence[Record]], _positions: Mapping[TopicPartition, int]
    ) -> None:
        if not batch:
            return
        self.came += sum(map(len, batch.values()))
        self.consumer.taken()
        if self.came >= self.expected and not self.done.done():
            self.watched()
            self.done.set_result(None)

    def revoking(self, _partitions: Partitions, release: Release) -> None:
        release.done({})

    def lost(self, partitions: Partitions) -> None: ...

    def committed(self, positions: Mapping[TopicPartition, Position], error: str | None) -> None: ...

    def lost_to_retention(self, partition: TopicPartition, first: int, until: int) -> None: ...

    def failed(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def closed(self) -> None: ...


async def read(topic: Topic, watched: Callable[[], object]) -> None:
    """All of it, in a group of its own."""
    loop = asyncio.get_running_loop()
    inbox = Counting(topic.workload.events, loop.create_future(), watched)
    inbox.consumer = Consumer(
        Connection(topic.bootstrap),
        Membership(f"bench-{uuid.uuid4().hex[:8]}", None, 45.0, 3.0, 300.0),
        topics=[TOPIC],
        inbox=inbox,
        call=loop.call_soon_threadsafe,
        start_at="earliest",
        drain_timeout=10.0,
        log=QUIET,
    )
    inbox.consumer.start()
    await inbox.done
    inbox.consumer.close()
    await asyncio.to_thread(inbox.consumer.join, 10.0)
