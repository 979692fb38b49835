"""Before the first event: Kafka is there, the topics are, and every group knows where to begin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from worker import own_topics
from worker.adapters import cluster
from worker.adapters.cluster import KafkaRefused, TopicFacts
from worker.adapters.connection import Connection, KafkaNotReached, Log, reach
from worker.config import DestinationSettings, Settings, SetupError
from worker.own_topics import Wish
from worker.settings.declared import of_table
from worker.settings.problems import missing
from worker.settings.tables import DestinationTable

AGAIN: Final = 0.5  # seconds until Kafka is asked again


def prepare(settings: Settings, connection: Connection, log: Log) -> None:
    """Wait for Kafka, create what is ours to create, and say every mistake at once.

    Raises KafkaNotReached, SetupError.
    """
    refuse(lambda: _problems(settings, connection, log), connection, settings.worker.start_timeout, log)


def prepare_dry_run(settings: Settings, connection: Connection, log: Log) -> None:
    """The same for a run that writes nothing and creates nothing. Raises as ``prepare``."""
    refuse(lambda: _problems_of_a_dry_run(settings, connection), connection, settings.worker.start_timeout, log)


def refuse(problems: Callable[[], Iterable[str]], connection: Connection, timeout: float, log: Log) -> None:
    """Do not start where there is a problem: SetupError; KafkaNotReached where Kafka is not there within ``timeout``.

    A broker that goes away while it is asked, or has only just come, is no mistake in the set-up: it is asked again.
    """
    deadline = time.monotonic() + timeout
    while True:
        reach(connection, max(0.0, deadline - time.monotonic()), log)
        try:
            found = list(problems())
            break
        except KafkaRefused as error:
            if not error.passing:
                found = [str(error)]
                break
            if time.monotonic() >= deadline:
                raise KafkaNotReached(str(error)) from error
            log.warning("Kafka cannot say just now whether all is ready", why=str(error))
            time.sleep(AGAIN)
    if found:
        raise SetupError(found)


def _problems_of_a_dry_run(settings: Settings, connection: Connection) -> Iterator[str]:
    names = settings.kafka.topics
    yield from _missing(names, cluster.topics(connection, names))
    for destination in settings.destinations.values():
        yield from _beginning(connection, destination)


def _problems(settings: Settings, connection: Connection, log: Log) -> Iterator[str]:
    destinations = settings.destinations.values()
    names = settings.kafka.topics
    ours = [name for one in destinations for name in (one.dead_letters, one.replay)]
    topics = cluster.topics(connection, [*names, *ours])
    sources = {name: topics[name] for name in names if name in topics}
    yield from _missing(names, sources)
    for destination in destinations:
        for wish in own_topics.wishes(destination, list(sources.values())) if sources else ():
            yield from _granted(settings, connection, wish, topics.get(wish.name), log)
        yield from _beginning(connection, destination)


def _missing(names: Iterable[str], topics: Mapping[str, TopicFacts]) -> Iterator[str]:
    for name in names:
        if name not in topics:
            yield f"kafka.topics: the topic {name} does not exist, or this user may not see it"


def _granted(
    settings: Settings, connection: Connection, wish: Wish, found: TopicFacts | None, log: Log
) -> Iterator[str]:
    """A topic of ours is there, or is created."""
    if found is not None:
        if found.max_message_bytes < wish.message_bytes:
            log.warning(
                wish.too_small, topic=wish.name, bytes_taken=found.max_message_bytes, bytes_needed=wish.message_bytes
            )
        return
    by_hand = f"create it: {wish.command(settings.kafka.bootstrap_servers)}"
    if not settings.kafka.create_topics:
        yield f"the topic {wish.name} does not exist; {by_hand}"
        return
    try:
        cluster.create_topic(
            connection, wish.name, partitions=wish.partitions, replication=wish.replication, settings=wish.settings
        )
        log.info("topic created", topic=wish.name)
    except KafkaRefused as error:
        yield f"{error}; {by_hand}"


def _beginning(connection: Connection, destination: DestinationSettings) -> Iterator[str]:
    """A new destination says where it begins: last year's events may mean last year's surveys."""
    if destination.start_at is None and not cluster.group_commits(connection, destination.group):
        yield missing(("destinations", destination.name, "start_at"), of_table(DestinationTable)["start_at"])
