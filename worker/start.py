"""Before the first event: Kafka is there, the topics are, and every group knows where to begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from worker import own_topics
from worker.adapters import cluster
from worker.adapters.cluster import KafkaRefused, TopicFacts
from worker.adapters.connection import Connection, Log, reach
from worker.config import DestinationSettings, Settings, SetupError
from worker.own_topics import Wish
from worker.settings.declared import of_table
from worker.settings.problems import missing
from worker.settings.tables import DestinationTable


def prepare(settings: Settings, connection: Connection, log: Log) -> None:
    """Wait for Kafka, create what is ours to create, and say every mistake at once.

    Raises KafkaNotReached, SetupError.
    """
    reach(connection, settings.worker.start_timeout, log)
    _refuse(_problems(settings, connection, log))


def prepare_dry_run(settings: Settings, connection: Connection, log: Log) -> None:
    """The same for a run that writes nothing and creates nothing. Raises as ``prepare``."""
    reach(connection, settings.worker.start_timeout, log)
    _refuse(_problems_of_a_dry_run(settings, connection))


def _refuse(problems: Iterator[str]) -> None:
    """Do not start where there is one."""
    try:
        found = list(problems)
    except KafkaRefused as error:
        found = [str(error)]
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
