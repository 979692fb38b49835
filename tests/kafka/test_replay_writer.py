"""Copies of dead letters on Apache Kafka: in order, acknowledged, and none after one that failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders import ARecord, a_record
from worker.adapters import replay_writer, topic_log
from worker.adapters.cluster import KafkaRefused, create_topic
from worker.adapters.connection import Connection
from worker.adapters.replay_writer import Copied
from worker.sandbox.brokers import Cluster

pytestmark = pytest.mark.apache


def a_letter(offset: int, value: bytes | None = b"v", *, partition: int = 0, **fields: Any) -> ARecord:
    return a_record(value, topic="letters", partition=partition, offset=offset, **fields)


def written(connection: Connection, topic: str, letters: Sequence[ARecord]) -> list[Copied]:
    """What Kafka has taken, as it was told."""
    told: list[Copied] = []
    with replay_writer.opened(connection, topic, told.append) as writer:
        for letter in letters:
            writer.write(letter)
    return told


def read(connection: Connection, topic: str, **options: Any) -> list[tuple[int, int, dict[str, bytes]]]:
    with topic_log.opened(connection, topic) as log:
        return [(each.partition, each.offset, dict(each.headers)) for each in log.records(**options)]


@pytest.fixture
def connection(apache: Cluster) -> Connection:
    return Connection(bootstrap_servers=apache.bootstrap)


def test_a_copy_is_its_letter_with_its_place_and_goes_to_the_partition_of_the_same_number(
    connection: Connection, unique: Callable[[str], str]
) -> None:
    topic = unique("replay")
    create_topic(connection, topic, partitions=2, replication=1, settings={})
    # The topic of dead letters has more partitions than this one; a letter may itself be what became of a replay.
    letters = [
        a_letter(7, key=b"k", headers=[("trace", b"\xff"), ("relay-letter", b"9/9")]),
        a_letter(4, partition=3, key=None, headers=[("empty", None)]),
        a_letter(8, None, key=None),
    ]
    told = written(connection, topic, letters)
    assert [Copied((0, 7), (0, 0)), Copied((3, 4), (1, 0)), Copied((0, 8), (0, 1))] == told
    with topic_log.opened(connection, topic) as log:
        found = {(each.partition, each.offset): each for each in log.records()}
    assert (b"k", b"v") == (found[0, 0].key, found[0, 0].value)
    assert [("trace", b"\xff"), ("relay-letter", b"0/7")] == list(found[0, 0].headers)
    assert (None, [("empty", b""), ("relay-letter", b"3/4")]) == (found[1, 0].key, list(found[1, 0].headers))
    assert (b"", None) == (found[0, 1].key, found[0, 1].value)


def test_no_letter_follows_one_that_kafka_does_not_take(connection: Connection, unique: Callable[[str], str]) -> None:
    topic = unique("replay")
    create_topic(connection, topic, partitions=1, replication=1, settings={"max.message.bytes": "20000"})
    letters = [a_letter(0), a_letter(1, b"v" * 40_000), *(a_letter(offset) for offset in range(2, 20))]
    with pytest.raises(KafkaRefused, match=f"Kafka did not take the dead letter 0/1 into {topic}: MessageSizeTooLarge"):
        written(connection, topic, letters)
    assert [(0, 0, {"relay-letter": b"0/0"})] == read(connection, topic)


def test_a_topic_is_read_from_where_it_is_wanted_to_its_end(
    connection: Connection, unique: Callable[[str], str]
) -> None:
    topic = unique("replay")
    create_topic(connection, topic, partitions=2, replication=1, settings={})
    written(connection, topic, [a_letter(offset, partition=offset % 2) for offset in range(10)])
    places = [(partition, offset) for partition, offset, _ in read(connection, topic)]
    assert [(partition, offset) for partition in range(2) for offset in range(5)] == sorted(places)
    assert [(1, 3), (1, 4)] == [each[:2] for each in read(connection, topic, begins={1: 3})]
    assert [(1, 0), (1, 1)] == [each[:2] for each in read(connection, topic, begins={1: 0}, most=2)][:2]
    assert [] == read(connection, topic, begins={0: 5, 1: 5})
    with topic_log.opened(connection, topic) as log:
        assert ({0: 5, 1: 5}, {0: 0, 1: 0}, {0: 5, 1: 5}) == (log.ends(), log.since(0.001), log.since(4_000_000_000))


def test_what_comes_after_the_end_was_reached_is_read_the_next_time(
    connection: Connection, unique: Callable[[str], str]
) -> None:
    topic = unique("replay")
    create_topic(connection, topic, partitions=2, replication=1, settings={})
    with topic_log.opened(connection, topic) as log:
        assert [] == list(log.records({0: 0, 1: 0}))
        written(connection, topic, [a_letter(0)])
        assert [0] == [each.partition for each in log.records({0: 0, 1: 0})]
        written(connection, topic, [a_letter(0, partition=1)])
        assert [1] == [each.partition for each in log.records({0: 1, 1: 0})]


def test_a_topic_that_is_not_there_holds_nothing(connection: Connection, unique: Callable[[str], str]) -> None:
    assert [] == read(connection, unique("nothing"))
