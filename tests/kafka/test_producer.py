"""Dead letters on Apache Kafka: acknowledged, or told why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import pytest
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
)

from tests.kafka.doubles import Heard, create, eventually
from worker.adapters.cluster import topics
from worker.adapters.connection import Connection
from worker.adapters.producer import Acknowledged, Produced, ProduceFailed, Producer, failure
from worker.sandbox.brokers import Cluster
from worker.sandbox.processes import free_port

Names = Callable[[str], str]


class Post:
    """A producer whose answers are kept. ``with`` starts and closes it."""

    def __init__(self, bootstrap: tuple[str, ...]) -> None:
        self.answers: list[Produced] = []
        self.producer = Producer(Connection(bootstrap), call=lambda done, result: done(result), log=Heard())

    def __enter__(self) -> Self:
        self.producer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.producer.close(20)

    def send(self, topic: str, **overrides: Any) -> None:
        letter: dict[str, Any] = {"key": None, "value": b"v", "headers": (), "ordering_key": None, **overrides}
        self.producer.send(topic, **letter, done=self.answers.append)

    def answer(self, number: int = 1) -> Sequence[Produced]:
        eventually(lambda: len(self.answers) >= number)
        return self.answers


def everything(bootstrap: tuple[str, ...], topic: str, count: int) -> list[Any]:
    consumer = KafkaConsumer(bootstrap_servers=list(bootstrap), auto_offset_reset="earliest")
    partitions = [KafkaPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[Any] = []
    while len(found) < count:
        for records in consumer.poll(timeout_ms=5000).values():
            found.extend(records)
    consumer.close()
    return found


@pytest.mark.apache
def test_a_record_arrives_byte_for_byte_with_its_headers(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    with Post(apache.bootstrap) as post:
        post.send(topic, key=b"\x00k", value=b"\xffv", headers=(("relay-reason", b"malformed"), ("empty", None)))
        assert post.answer() == [Acknowledged()]
    (record,) = everything(apache.bootstrap, topic, 1)
    assert (record.key, record.value) == (b"\x00k", b"\xffv")
    assert record.headers == [("relay-reason", b"malformed"), ("empty", b"")]


@pytest.mark.apache
def test_records_of_one_ordering_key_share_a_partition_whatever_their_keys(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, 8)
    with Post(apache.bootstrap) as post:
        for number in range(20):
            post.send(topic, key=b"%d" % number, value=b"%d" % number, ordering_key=b"u1")
        assert post.answer(20) == [Acknowledged()] * 20
    records = everything(apache.bootstrap, topic, 20)
    assert len({record.partition for record in records}) == 1
    assert [record.value for record in records] == [b"%d" % number for number in range(20)]


@pytest.mark.apache
def test_a_record_without_key_and_value_is_taken_too(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    with Post(apache.bootstrap) as post:
        post.send(topic, key=None, value=None)
        assert post.answer() == [Acknowledged()]
    (record,) = everything(apache.bootstrap, topic, 1)
    assert (record.key, record.value) == (b"", None)


@pytest.mark.apache
def test_a_record_over_the_topics_limit_is_told_to_be_too_large_and_the_next_one_arrives(
    apache: Cluster, unique: Names
) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, max_message_bytes="2000")
    with Post(apache.bootstrap) as post:
        post.send(topic, value=bytes(3000))
        post.answer()
        post.send(topic, value=b"small")
        assert post.answer(2) == [
            ProduceFailed("MessageSizeTooLargeError", transient=False, too_large=True),
            Acknowledged(),
        ]


@pytest.mark.apache
def test_records_beside_one_that_is_too_large_arrive_all_the_same(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, max_message_bytes="2000")
    with Post(apache.bootstrap) as post:
        for value in [b"before", bytes(3000), *(b"%d" % number for number in range(20))]:
            post.send(topic, value=value)
        answers = post.answer(22)
    assert answers.count(Acknowledged()) == 21
    assert answers.count(ProduceFailed("MessageSizeTooLargeError", transient=False, too_large=True)) == 1
    assert len(everything(apache.bootstrap, topic, 21)) == 21


@pytest.mark.apache
def test_what_may_not_be_written_is_not_and_may_be_sent_again(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    with Post(apache.bootstrap) as post:
        post.send(topic, value=b"withheld", may_write=lambda: False)
        assert post.answer() == [ProduceFailed("Withheld", transient=True, too_large=False)]
        post.send(topic, value=b"written")
        assert post.answer(2)[1] == Acknowledged()
    assert [record.value for record in everything(apache.bootstrap, topic, 1)] == [b"written"]


@pytest.mark.apache
def test_a_missing_topic_is_a_failure_that_may_pass_and_is_not_created_by_the_way(
    apache: Cluster, unique: Names
) -> None:
    name = unique("nowhere")
    with Post(apache.bootstrap) as post:
        post.send(name)
        assert post.answer() == [ProduceFailed("KafkaTimeoutError", transient=True, too_large=False)]
    assert topics(Connection(apache.bootstrap), [name]) == {}


def test_no_broker_is_a_failure_that_may_pass() -> None:
    with Post((f"127.0.0.1:{free_port()}",)) as post:
        post.send("t")
        assert post.answer() == [ProduceFailed("KafkaTimeoutError", transient=True, too_large=False)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KafkaTimeoutError(), ProduceFailed("KafkaTimeoutError", transient=True, too_large=False)),
        (NotEnoughReplicasError(), ProduceFailed("NotEnoughReplicasError", transient=True, too_large=False)),
        (MessageSizeTooLargeError(), ProduceFailed("MessageSizeTooLargeError", transient=False, too_large=True)),
        (
            TopicAuthorizationFailedError(),
            ProduceFailed("TopicAuthorizationFailedError", transient=False, too_large=False),
        ),
    ],
)
def test_an_error_says_whether_waiting_helps(error: Exception, expected: ProduceFailed) -> None:
    assert expected == failure(error)
