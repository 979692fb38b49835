"""What the adapters are given in tests: a log that remembers, and a lane that keeps all it is told."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock
from typing import Any, Self
from uuid import UUID

from kafka import KafkaAdminClient, KafkaProducer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition

from worker.adapters.cluster import group_commits, topics
from worker.adapters.connection import Connection
from worker.adapters.consumer import Consumer, Membership
from worker.adapters.inbox import Partitions, Release
from worker.core.commit_metadata import Metadata, encode
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.core.starts import StartAt
from worker.sandbox.brokers import Cluster


class Heard:
    """A log whose lines are kept: (event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info
    error = info

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Its first true value. Polls a condition; the deadline is far beyond what is expected."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.01)
    return value


class Lane:
    """An inbox that settles what it receives at once: when partitions are revoked, it commits all it has received.

    Once ``draining`` it takes in nothing more.

    ``take`` is what it does about a batch, ``release`` what it does about a revocation.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.owned: dict[TopicPartition, Position] = {}
        self.begun: list[Assigned] = []
        self.records: dict[TopicPartition, list[Record]] = defaultdict(list)
        self.next: dict[TopicPartition, int] = {}
        self.commits: list[tuple[dict[TopicPartition, Position], str | None]] = []
        self.losses: list[Partitions] = []
        self.gaps: list[tuple[TopicPartition, int, int]] = []
        self.failure: BaseException | None = None
        self.has_joined = False
        self.has_closed = False
        self.draining = False
        self.take: Callable[[], None] = lambda: None
        self.release: Callable[[Partitions, Release], None] = self.let_go

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """In place of the event loop: at once, one after another."""
        with self.lock:
            function(*arguments)

    def let_go(self, partitions: Partitions, release: Release) -> None:
        release.done({each: self.position(each) for each in partitions})

    def position(self, partition: TopicPartition) -> Position:
        """All that was received, as a commit says it."""
        topic_id = next(each.topic_id for each in reversed(self.begun) if each.partition == partition)
        offset = self.next[partition]
        return Position(offset, encode(Metadata(topic_id=topic_id), offset))

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for records in self.records.values() for record in records]

    # --- Inbox

    def assigned(self, partitions: Sequence[Assigned]) -> None:
        self.has_joined = True
        for each in partitions:
            assert each.partition not in self.owned
            self.owned[each.partition] = each.position
            self.next[each.partition] = each.position.offset
            self.begun.append(each)

    def received(
        self, batch: Mapping[TopicPartition, Sequence[Record]], positions: Mapping[TopicPartition, int]
    ) -> None:
        if self.draining:  # what comes now is not begun with
            return
        for partition, records in batch.items():
            assert partition in self.owned, "records of a partition that is not owned"
            self.records[partition].extend(records)
        self.next.update(positions)
        if batch:
            self.take()

    def revoking(self, partitions: Partitions, release: Release) -> None:
        for each in partitions:
            del self.owned[each]
        self.release(partitions, release)

    def lost(self, partitions: Partitions) -> None:
        for each in partitions:
            del self.owned[each]
        self.losses.append(partitions)

    def committed(self, positions: Mapping[TopicPartition, Position], error: str | None) -> None:
        self.commits.append((dict(positions), error))

    def lost_to_retention(self, partition: TopicPartition, first: int, until: int) -> None:
        self.gaps.append((partition, first, until))

    def failed(self, error: BaseException) -> None:
        self.failure = error

    def closed(self) -> None:
        self.has_closed = True


class Member:
    """A consumer and its lane. ``with`` starts it, and closes it at the end."""

    def __init__(
        self,
        bootstrap: tuple[str, ...],
        *topics: str,
        group: str,
        start_at: StartAt | None = "earliest",
        instance_id: str | None = None,
        drain_timeout: float = 10.0,
        connection: Connection | None = None,
        now: Callable[[], float] = time.time,
        lane: Lane | None = None,
        connect_timeout: float = 10.0,
    ) -> None:
        self.lane = lane or Lane()
        self.log = Heard()
        self.consumer = Consumer(
            connection or Connection(bootstrap),
            Membership(group, instance_id, session_timeout=6.0, heartbeat_interval=0.3, max_poll_interval=60.0),
            topics=topics,
            inbox=self.lane,
            call=self.lane.call,
            start_at=start_at,
            drain_timeout=drain_timeout,
            log=self.log,
            connect_timeout=connect_timeout,
            now=now,
        )
        if self.lane.take.__name__ == "<lambda>":
            self.lane.take = self.consumer.taken

    def __enter__(self) -> Self:
        self.consumer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.consumer.close()
        assert self.consumer.join(20), "the consumer's thread did not end"

    def owns(self, number: int) -> bool:
        return len(self.lane.owned) == number

    def commit(self, positions: Mapping[TopicPartition, Position]) -> str | None:
        """Commit, and wait for the answer: the error's name."""
        before = len(self.lane.commits)
        self.consumer.commit(positions)
        eventually(lambda: len(self.lane.commits) > before)
        return self.lane.commits[-1][1]


def create(bootstrap: tuple[str, ...], topic: str, partitions: int = 1, **settings: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    configs = {name.replace("_", "."): value for name, value in settings.items()}
    wish = {"num_partitions": partitions, "replication_factor": 1, "configs": configs}
    admin.create_topics({topic: wish}, wait_for_metadata=True)
    admin.close()


def delete(bootstrap: tuple[str, ...], topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    admin.delete_topics([topic])
    eventually(lambda: not topics(Connection(bootstrap), [topic]))
    admin.close()


def topic_id(bootstrap: tuple[str, ...], topic: str) -> bytes:
    """Kafka's own."""
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    (described,) = admin.describe_topics([topic])
    admin.close()
    return UUID(described["topic_id"]).bytes


def alter(cluster: Cluster, group: str, partition: TopicPartition, position: Position) -> None:
    """Commit as a tool does, in a group that nobody is in."""
    group_commits(Connection(cluster.bootstrap), group)  # from here on there is a coordinator
    admin = KafkaAdminClient(bootstrap_servers=list(cluster.bootstrap))
    said = OffsetAndMetadata(position.offset, position.metadata, -1)
    (error,) = admin.alter_group_offsets(group, {KafkaPartition(*partition): said}).values()
    admin.close()
    assert not error.errno


def produce(
    bootstrap: tuple[str, ...],
    topic: str,
    values: Iterable[bytes],
    partition: int | None = 0,
    timestamp_ms: int | None = None,
    **options: Any,
) -> None:
    """Written and acknowledged; over all partitions in turn where ``partition`` is ``None``."""
    producer = KafkaProducer(bootstrap_servers=list(bootstrap), linger_ms=5, **options)
    count = len(producer.partitions_for(topic))
    futures = [
        producer.send(
            topic, value, partition=number % count if partition is None else partition, timestamp_ms=timestamp_ms
        )
        for number, value in enumerate(values)
    ]
    producer.flush(timeout=30)
    producer.close()
    assert all(future.succeeded() for future in futures)
