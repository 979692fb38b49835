"""``segment-relay check``, Kafka's half: topics, rights, commits, and how much there is to read."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from worker import own_topics
from worker.adapters import cluster
from worker.adapters.cluster import KafkaRefused, TopicFacts
from worker.adapters.commit_trial import keeps_metadata
from worker.adapters.connection import Connection
from worker.commands.findings import Finding, counted, right, unseen, wrong
from worker.config import DestinationSettings, Settings
from worker.own_topics import Wish
from worker.settings.quantities import show_start

MIB = 1 << 20


def findings(settings: Settings, connection: Connection, now: float) -> Iterator[Finding]:
    """Each finding as soon as it is there. ``now`` is Unix seconds."""
    ours = [name for one in settings.destinations.values() for name in (one.dead_letters, one.replay)]
    try:
        topics = cluster.topics(connection, [*settings.kafka.topics, *ours])
    except KafkaRefused as error:
        yield wrong(str(error))
        return
    sources = {name: topics[name] for name in settings.kafka.topics if name in topics}
    for name in settings.kafka.topics:
        yield from _source(name, topics.get(name))
    if sources:
        yield _metadata(connection, next(iter(sources)), f"{settings.kafka.group}.check-{secrets.token_hex(4)}")
    for destination in settings.destinations.values():
        letters, replay = own_topics.wishes(destination, list(sources.values()))
        yield from _own(settings, letters, topics.get(letters.name), "takes every dead letter", "WRITE")
        yield from _own(settings, replay, topics.get(replay.name), "takes every dead letter once more", "READ")
        yield _beginning(connection, destination, list(sources), now)


def _source(name: str, facts: TopicFacts | None) -> Iterator[Finding]:
    if facts is None:
        yield wrong(f"topic {name}: it does not exist, or this user may not see it (kafka.topics, right DESCRIBE)")
        return
    yield right(
        f"topic {name}: {counted(facts.partitions, 'partition')} on {counted(facts.replication, 'broker')}, "
        f"records of at most {facts.max_message_bytes / MIB:.1f} MiB"
    )
    yield from _right_to("READ", name, facts)


def _right_to(operation: str, name: str, facts: TopicFacts) -> Iterator[Finding]:
    if facts.operations is not None and operation not in facts.operations and "ALL" not in facts.operations:
        yield wrong(f"topic {name}: this user lacks the right {operation}")


def _metadata(connection: Connection, topic: str, group: str) -> Finding:
    try:
        kept = keeps_metadata(connection, topic, group)
    except KafkaRefused as error:
        return wrong(f"commits: {error}")
    if kept:
        return right("commits: Kafka takes them, and keeps what the worker notes beside them")
    return wrong(
        "commits: Kafka drops what is noted beside them, so what was delivered ahead of an undelivered event is sent "
        "again after every restart"
    )


def _own(settings: Settings, wish: Wish, facts: TopicFacts | None, good: str, operation: str) -> Iterator[Finding]:
    if facts is None and settings.kafka.create_topics:
        yield unseen(f"topic {wish.name}: is created at the first start, if this user has the right CREATE")
        return
    if facts is None:
        command = wish.command(settings.kafka.bootstrap_servers)
        yield wrong(f"topic {wish.name}: it does not exist; create it: {command}")
        return
    if facts.max_message_bytes < wish.message_bytes:
        yield wrong(
            f"topic {wish.name}: takes records of {facts.max_message_bytes} bytes, so {wish.too_small}; "
            f"set its max.message.bytes to {wish.message_bytes}"
        )
    else:
        yield right(f"topic {wish.name}: {good}")
    yield from _right_to(operation, wish.name, facts)


def _beginning(connection: Connection, destination: DestinationSettings, topics: list[str], now: float) -> Finding:
    group = destination.group
    try:
        commits = cluster.group_commits(connection, group)
        if commits:
            return right(
                f"{destination.name}: the group {group} goes on at its commits ({counted(len(commits), 'partition')})"
            )
        earliest = sum(cluster.count_between(connection, topic, "earliest", now) for topic in topics)
        if destination.start_at is None:
            return wrong(
                f"{destination.name}: the group {group} has no commit and start_at is not set; "
                f'"earliest" would be {earliest} records, "latest" none'
            )
        chosen = sum(cluster.count_between(connection, topic, destination.start_at, now) for topic in topics)
    except KafkaRefused as error:
        return wrong(f"{destination.name}: {error}")
    start = show_start(destination.start_at)
    return right(f"{destination.name}: begins at {start} with {chosen} records, of {earliest} that Kafka has")
