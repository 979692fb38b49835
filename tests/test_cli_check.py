"""``segment-relay check``, on brokers and stand-ins that are there, and on some that are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mappings.contract import (
    Credentials,
    Delivered,
    Destination,
    Flow,
    Login,
    Refused,
    Rejected,
    Request,
    Response,
    Skipped,
    Unmappable,
)
from worker import config, own_topics
from worker.adapters import cluster
from worker.adapters.cluster import TopicFacts
from worker.adapters.connection import Connection
from worker.commands import check, check_destination, check_kafka
from worker.commands.findings import Finding, right, unseen, wrong
from worker.config import DestinationSettings, Settings
from worker.core.faults import Fault, FaultKind
from worker.sandbox.brokers import Broker, Cluster

TOKEN_SEEN_LATER = "shop: whether the credentials are right is seen at the first event"


def loaded(tmp_path: Path, broker: str, topic: str, extra: str = "", kafka: str = "") -> Settings:
    file = tmp_path / "relay.toml"
    file.write_text(
        f"""
        [kafka]
        bootstrap_servers = ["{broker}"]
        topics = ["{topic}"]
        group = "{topic}-group"
        {kafka}
        [worker]
        start_timeout = 1
        [destinations.shop]
        mapping = "wigzo"
        settings.org_token = "org-secret"
        settings.base_url = "http://127.0.0.1:1"
        {extra}
        """
    )
    return config.load(file, {})


def kafka_findings(settings: Settings) -> list[str]:
    return [str(each) for each in check_kafka.findings(settings, config.connection_of(settings), 2_000_000_000.0)]


@pytest.mark.apache
def test_a_cluster_that_is_ready_is_told_thing_by_thing(
    apache: Cluster, unique: Callable[[str], str], tmp_path: Path
) -> None:
    topic = unique("events")
    connection = Connection(bootstrap_servers=apache.bootstrap)
    cluster.create_topic(connection, topic, partitions=2, replication=1, settings={})
    settings = loaded(tmp_path, apache.bootstrap[0], topic, 'start_at = "latest"')
    assert [
        f"✓ topic {topic}: 2 partitions on 1 broker, records of at most 1.0 MiB",
        "✓ commits: Kafka takes them, and keeps what the worker notes beside them",
        f"– topic {topic}-group.shop.dead-letters: is created at the first start, if this user has the right CREATE",
        f"– topic {topic}-group.shop.replay: is created at the first start, if this user has the right CREATE",
        "✓ shop: begins at latest with 0 records, of 0 that Kafka has",
    ] == kafka_findings(settings)


@pytest.mark.apache
def test_a_topic_of_dead_letters_that_is_too_small_is_told_with_the_size(
    apache: Cluster, unique: Callable[[str], str], tmp_path: Path
) -> None:
    topic = unique("events")
    connection = Connection(bootstrap_servers=apache.bootstrap)
    cluster.create_topic(connection, topic, partitions=1, replication=1, settings={"max.message.bytes": "2000000"})
    letters = f"{topic}-group.shop.dead-letters"
    cluster.create_topic(connection, letters, partitions=1, replication=1, settings={})
    settings = loaded(tmp_path, apache.bootstrap[0], topic, 'start_at = "earliest"')
    assert (
        f"✗ topic {letters}: takes records of 1048588 bytes, so dead letters may lose their value; "
        "set its max.message.bytes to 2065536"
    ) == kafka_findings(settings)[2]


@pytest.mark.apache
def test_a_replay_topic_that_is_too_small_is_told_with_the_size(
    apache: Cluster, unique: Callable[[str], str], tmp_path: Path
) -> None:
    topic = unique("events")
    connection = Connection(bootstrap_servers=apache.bootstrap)
    for name in (topic, f"{topic}-group.shop.dead-letters", f"{topic}-group.shop.replay"):
        cluster.create_topic(connection, name, partitions=1, replication=1, settings={"max.message.bytes": "1114124"})
    settings = loaded(tmp_path, apache.bootstrap[0], topic, 'start_at = "earliest"')
    assert (
        f"✗ topic {topic}-group.shop.replay: takes records of 1114124 bytes, so not every dead letter can be replayed; "
        "set its max.message.bytes to 1245196"
    ) == kafka_findings(settings)[3]


def test_a_broker_that_drops_metadata_is_told(embedded: Broker, unique: Callable[[str], str], tmp_path: Path) -> None:
    topic = unique("events")
    connection = Connection(bootstrap_servers=embedded.bootstrap)
    cluster.create_topic(connection, topic, partitions=1, replication=1, settings={})
    settings = loaded(tmp_path, embedded.bootstrap[0], topic, 'start_at = "latest"')
    assert kafka_findings(settings)[1].startswith("✗ commits: Kafka drops what is noted beside them")


def test_a_group_that_would_have_to_guess_is_told(
    embedded: Broker, unique: Callable[[str], str], tmp_path: Path
) -> None:
    topic = unique("events")
    connection = Connection(bootstrap_servers=embedded.bootstrap)
    cluster.create_topic(connection, topic, partitions=1, replication=1, settings={})
    assert (
        f"✗ shop: the group {topic}-group.shop has no commit and start_at is not set; "
        '"earliest" would be 0 records, "latest" none'
    ) == kafka_findings(loaded(tmp_path, embedded.bootstrap[0], topic))[-1]


def test_a_missing_topic_is_told(embedded: Broker, unique: Callable[[str], str], tmp_path: Path) -> None:
    topic = unique("events")
    settings = loaded(tmp_path, embedded.bootstrap[0], topic, 'start_at = "latest"')
    assert (
        f"✗ topic {topic}: it does not exist, or this user may not see it (kafka.topics, right DESCRIBE)"
    ) == kafka_findings(settings)[0]


def test_a_topic_that_nobody_may_create_is_told_with_the_command(
    embedded: Broker, unique: Callable[[str], str], tmp_path: Path
) -> None:
    topic, address = unique("events"), embedded.bootstrap[0]
    connection = Connection(bootstrap_servers=embedded.bootstrap)
    cluster.create_topic(connection, topic, partitions=3, replication=1, settings={})
    settings = loaded(tmp_path, address, topic, 'start_at = "latest"', kafka="create_topics = false")
    assert (
        f"✗ topic {topic}-group.shop.dead-letters: it does not exist; create it: kafka-topics.sh "
        f"--bootstrap-server {address} --create --topic {topic}-group.shop.dead-letters --partitions 3 "
        "--config cleanup.policy=delete --config retention.ms=2592000000 --config max.message.bytes=1114124"
    ) == kafka_findings(settings)[2]


def test_what_is_not_reached_is_told(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "127.0.0.1:1", "events", 'start_at = "latest"')
    lines: list[str] = []
    assert 2 == check.run(settings, lines.append)
    assert [
        "✓ settings: 1 topic, 1 destination",
        "✗ Kafka: Kafka was not reached within 1 s: nothing listens at 127.0.0.1:1",
    ] == lines[:2]
    assert lines[2].startswith("✗ shop: http://127.0.0.1:1 is not reached (refused")


def test_a_disabled_destination_is_named_and_not_asked(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "127.0.0.1:1", "events", 'start_at = "latest"\nenabled = false')
    lines: list[str] = []
    check.run(settings, lines.append)
    assert ["– shop: is disabled (enabled = false), so it keeps its place and is not asked"] == lines[2:]


@pytest.mark.parametrize(
    ("operations", "expected"), [(None, 0), ({"READ"}, 0), ({"ALL"}, 0), ({"DESCRIBE"}, 1), ((), 1)]
)
def test_a_missing_right_is_told(operations: Any, expected: int) -> None:
    facts = TopicFacts(1, 1, 1000, None if operations is None else frozenset(operations))
    found = list(check_kafka._right_to("READ", "events", facts))
    assert [wrong("topic events: this user lacks the right READ")][:expected] == found


def test_dead_letters_get_as_many_partitions_as_the_largest_source_and_room_for_headers() -> None:
    sources = [TopicFacts(3, 1, 1_000, None), TopicFacts(12, 1, 500, None)]
    expected = own_topics.Wish(
        "d",
        12,
        "dead letters may lose their value",
        {"cleanup.policy": "delete", "retention.ms": "2592000000", "max.message.bytes": "66536"},
    )
    assert expected == own_topics.dead_letters("d", sources)


def test_replays_have_room_for_a_dead_letter_and_end_with_the_commits_of_a_group_that_stands_still() -> None:
    expected = own_topics.Wish(
        "r",
        3,
        "not every dead letter can be replayed",
        {
            "cleanup.policy": "delete",
            "retention.ms": "604800000",
            "segment.ms": "86400000",
            "max.message.bytes": "132072",
        },
    )
    assert expected == own_topics.replay("r", [TopicFacts(3, 1, 1_000, None)])


# --- Destinations, with a sender that answers as it is told


def a_destination(tmp_path: Path, **fields: Any) -> DestinationSettings:
    """``shop``, with another vendor's flows."""
    real = loaded(tmp_path, "kafka.example:9092", "events").destinations["shop"]
    defaults: Mapping[str, Any] = {
        "name": "Acme",
        "settings": dict,
        "hosts": lambda _settings: frozenset({"https://acme.example"}),
        "translate": lambda _event, _settings: iter(()),
        "reasons": {"closed": "the account is closed"},
    }
    return DestinationSettings(
        real.name, real.group, Destination(**{**defaults, **fields}), {}, real.policy, real.table, real.account
    )


class Answering:
    """A sender with the answers that it will give; it keeps what it was asked."""

    def __init__(self, *answers: Response | Fault) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[Request, Mapping[str, str]]] = []

    async def send(self, request: Request, headers: Mapping[str, str]) -> Response | Fault:
        self.asked.append((request, headers))
        return self._answers.pop(0)


ASK = Request("GET", "https://acme.example/me", operation="me")
LOG_IN = Request("POST", "https://acme.example/token", operation="login", login=False)
BEARER = {"authorization": "Bearer made-up"}


def checking(_settings: object) -> Flow:
    yield ASK
    return None


def logging_in(_settings: object) -> Login:
    answer = yield LOG_IN
    return Credentials(BEARER) if answer.ok else None


def found_of(settings: DestinationSettings, *answers: Response | Fault) -> Finding:
    return asyncio.run(check_destination.credentials(settings, Answering(*answers)))


def test_a_host_that_answers_is_there_whatever_it_says(tmp_path: Path) -> None:
    sender = Answering(Response(404))
    found = asyncio.run(check_destination.hosts(a_destination(tmp_path), sender))
    assert [right("shop: https://acme.example answers")] == found


def test_a_host_that_does_not_is_told_with_the_reason(tmp_path: Path) -> None:
    sender = Answering(Fault(FaultKind.TLS, written=False, detail="certificate expired"))
    found = asyncio.run(check_destination.hosts(a_destination(tmp_path), sender))
    assert [wrong("shop: https://acme.example is not reached (tls, certificate expired)")] == found


def test_without_a_check_the_credentials_are_seen_later(tmp_path: Path) -> None:
    assert unseen(TOKEN_SEEN_LATER) == found_of(a_destination(tmp_path))


def test_a_check_that_ends_well_is_right(tmp_path: Path) -> None:
    settings = a_destination(tmp_path, check=checking)
    assert right("shop: the credentials are taken") == found_of(settings, Response(200))


def test_the_check_carries_what_the_login_gained(tmp_path: Path) -> None:
    sender = Answering(Response(200), Response(200))
    settings = a_destination(tmp_path, check=checking, login=logging_in)
    assert right("shop: the credentials are taken") == asyncio.run(check_destination.credentials(settings, sender))
    assert [(LOG_IN, {}), (ASK, BEARER)] == sender.asked


def test_a_refused_login_is_told(tmp_path: Path) -> None:
    settings = a_destination(tmp_path, check=checking, login=logging_in)
    expected = wrong("shop: the login was refused (HTTP 401): check the credentials")
    assert expected == found_of(settings, Response(401))


def ending(outcome: object) -> Callable[[object], Flow]:
    def flow(_settings: object) -> Flow:
        yield ASK
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[return-value]

    return flow


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Delivered("unchanged"), right("shop: the credentials are taken")),
        (
            Rejected("closed", "since ann@example.com left"),
            wrong("shop: the credentials are not taken (the account is closed since … left)"),
        ),
        (Unmappable("closed"), wrong("shop: the credentials are not taken (the account is closed)")),
        (Skipped("closed"), unseen("shop: the account is closed")),
        (Skipped("other"), unseen(TOKEN_SEEN_LATER)),
    ],
)
def test_the_mapping_s_own_word_is_taken(outcome: object, expected: Finding, tmp_path: Path) -> None:
    assert expected == found_of(a_destination(tmp_path, check=ending(outcome)), Response(200))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Response(404), wrong("shop: the credentials are not taken (HTTP 404)")),
        (Response(403), wrong("shop: the credentials are not taken (forbidden)")),
        (Response(401), wrong("shop: the credentials are not taken (unauthorized)")),
        (Response(500), wrong("shop: the check failed (500); it may be down")),
        (Response(429), unseen(f"shop: it is over its limit just now, so {check_destination.AT_FIRST_EVENT}")),
        (Fault(FaultKind.TIMEOUT, written=True), wrong("shop: the check failed (timeout); it may be down")),
    ],
)
def test_each_answer_to_a_check_is_told(answer: Response | Fault, expected: Finding, tmp_path: Path) -> None:
    assert expected == found_of(a_destination(tmp_path, check=checking), answer)


def test_a_vendor_s_own_word_of_refusal_is_told(tmp_path: Path) -> None:
    settings = a_destination(tmp_path, check=checking, meaning=lambda _answer: Refused("closed"))
    assert wrong("shop: the check was refused (closed)") == found_of(settings, Response(400))


@pytest.mark.parametrize(
    ("kafka", "shop", "expected"),
    [
        (right("Kafka"), right("shop"), 0),
        (right("Kafka"), unseen("shop"), 0),
        (right("Kafka"), wrong("shop"), 2),
        (wrong("Kafka"), right("shop"), 75),
        (wrong("Kafka"), wrong("shop"), 2),
    ],
)
def test_the_exit_code_is_75_where_kafka_alone_is_at_fault(kafka: Finding, shop: Finding, expected: int) -> None:
    assert expected == check.code([kafka, shop], kafka)
