"""Questions to the cluster outside of any lane: topics, commits, how much there is to read; and topics created.

Each opens a connection of its own and is bounded in time. What Kafka refuses is a KafkaRefused with a sentence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.admin import ConfigResource
from kafka.errors import (
    AuthorizationError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    KafkaTimeoutError,
    NoError,
    NotCoordinatorError,
    RetriableError,
    TopicAlreadyExistsError,
    for_code,
)

from worker.adapters.beginnings import offsets_at
from worker.adapters.connection import Connection, connected
from worker.core import starts
from worker.core.records import Position, TopicPartition
from worker.core.starts import StartAt

SECONDS: Final = 15.0
COORDINATOR_PAUSE: Final = 0.2
DEFAULT_MAX_MESSAGE_BYTES: Final = 1_048_588


class KafkaRefused(Exception):  # noqa: N818  (the cluster's word, not a fault of the program)
    """A question or a wish that Kafka did not grant. Its text is a sentence for people."""

    @property
    def passing(self) -> bool:
        """Whether the same may be granted in a moment: the connection broke, or the broker was not ready."""
        return isinstance(self.__cause__, RetriableError)


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic as this user may see it.

    ``max_message_bytes``: the topic's own, or Kafka's default where the broker does not tell.
    ``operations``: what this user may do with it ("READ", "WRITE", …); ``None`` where the broker does not tell.
    """

    partitions: int
    replication: int
    max_message_bytes: int
    operations: frozenset[str] | None


def topics(connection: Connection, names: Sequence[str]) -> dict[str, TopicFacts]:
    """Those of ``names`` that exist and may be seen. Raises KafkaRefused."""
    with _admin(connection, "describe topics") as admin:
        described = {each["name"]: each for each in admin.describe_topics(list(names)) if not each["error_code"]}
        limits = _message_limits(admin, list(described))
    return {name: _facts(each, limits.get(name)) for name, each in described.items()}


def create_topic(
    connection: Connection, name: str, *, partitions: int, replication: int, settings: Mapping[str, str]
) -> None:
    """Create a topic, unless it exists. ``replication`` -1 is the broker's default. Raises KafkaRefused."""
    wish = {"num_partitions": partitions, "replication_factor": replication, "configs": dict(settings)}
    with _admin(connection, f"create the topic {name}") as admin:
        answer = admin.create_topics({name: wish}, raise_errors=False)
    for each in answer["topics"]:
        error = for_code(each["error_code"])
        if error not in (NoError, TopicAlreadyExistsError):
            raise KafkaRefused(f"Kafka would not create the topic {name}: {each['error_message'] or error.__name__}")


def group_commits(connection: Connection, group: str) -> dict[TopicPartition, Position]:
    """What the group has committed, with its metadata. Raises KafkaRefused."""
    with _admin(connection, f"tell the commits of the group {group}") as admin:
        offsets = _with_coordinator(lambda: admin.list_group_offsets(group))[group]
    return {
        TopicPartition(*partition): Position(each.offset, each.metadata or "")
        for partition, each in offsets.items()
        if each.offset >= 0
    }


def forget_group(connection: Connection, group: str) -> None:
    """Delete what the group has committed, if anything. Raises KafkaRefused, also where somebody is in the group."""
    with _admin(connection, f"forget the group {group}") as admin:
        answer = _with_coordinator(lambda: admin.delete_groups([group]))[group]
    match answer:
        case "OK" | "GroupIdNotFoundError":
            return
        case "NonEmptyGroupError":
            raise KafkaRefused(f"Kafka would not forget the group {group}: somebody is in it")
        case error:
            raise KafkaRefused(f"Kafka would not forget the group {group}: {error}")


def count_between(connection: Connection, topic: str, start: StartAt, now: float) -> int:
    """How many offsets of all partitions are from ``start`` on; "latest" is ``now``, Unix seconds. Raises KafkaRefused.

    At most so many records: compaction and transactions leave offsets without one.
    """
    with _reader(connection, f"tell how much {topic} holds") as consumer:
        partitions = [KafkaPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        if not partitions:
            return 0
        begins = offsets_at(consumer, dict.fromkeys(partitions, _time(start, now)))
        ends = consumer.end_offsets(partitions, timeout_ms=SECONDS * 1000)
        return sum(max(0, ends[partition] - begins[partition]) for partition in partitions)


def _time(start: StartAt, now: float) -> float:
    match start:
        case "earliest":
            return starts.EARLIEST
        case "latest":
            return now
        case moment:
            return moment


def _facts(described: Mapping[str, Any], limit: int | None) -> TopicFacts:
    partitions = described["partitions"]
    operations = described["authorized_operations"]
    return TopicFacts(
        partitions=len(partitions),
        replication=min((len(each["replica_nodes"]) for each in partitions), default=0),
        max_message_bytes=DEFAULT_MAX_MESSAGE_BYTES if limit is None else limit,
        operations=None if operations is None else frozenset(operations),
    )


def _message_limits(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    setting = "max.message.bytes"
    wanted = [ConfigResource("TOPIC", name, {setting: None}) for name in names]
    try:
        described = admin.describe_configs(wanted, config_filter="all") if wanted else {}
    except KafkaError:
        return {}  # not allowed, or (the embedded broker) not known: the default is as good a guess as any
    return {
        name: int(found[setting]["value"]) for name, found in described.get("topic", {}).items() if setting in found
    }


def _with_coordinator(ask: Callable[[], Any]) -> Any:
    """A cluster makes its topic of commits when it is first asked, and has no coordinator until then.

    One that has just come up loads it first.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return ask()
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            if time.monotonic() > deadline:
                raise
            time.sleep(COORDINATOR_PAUSE)


@contextmanager
def _admin(connection: Connection, wish: str) -> Iterator[KafkaAdminClient]:
    with refusals(connection, wish):
        admin = connected(KafkaAdminClient, connection, SECONDS)
        try:
            yield admin
        finally:
            admin.close()


@contextmanager
def _reader(connection: Connection, wish: str) -> Iterator[KafkaConsumer]:
    with refusals(connection, wish):
        consumer = connected(KafkaConsumer, connection, SECONDS, metrics_enabled=False)
        try:
            yield consumer
        finally:
            consumer.close()


@contextmanager
def refusals(connection: Connection, wish: str) -> Iterator[None]:
    """What Kafka refuses within the block is a KafkaRefused; ``wish`` completes "Kafka would not …"."""
    where = ", ".join(connection.bootstrap_servers)
    try:
        yield
    except AuthorizationError as error:
        raise KafkaRefused(f"Kafka would not {wish}: this user lacks the right ({type(error).__name__})") from error
    except KafkaTimeoutError as error:
        raise KafkaRefused(f"Kafka did not {wish} within {SECONDS:.0f} s ({where})") from error
    except KafkaError as error:
        raise KafkaRefused(f"Kafka did not {wish}: {type(error).__name__} ({where})") from error
