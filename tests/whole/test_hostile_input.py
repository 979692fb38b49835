"""Records as large and as odd as anybody may write them: each is settled, and the worker's memory is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer

from bench.process import Watch
from tests.whole.conftest import Place
from tests.whole.events import a_crowd, a_track
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo
from worker.core.decode import LARGEST, MOST_MEMBERS

pytestmark = pytest.mark.apache

MIB = 1 << 20
MOST = 300 * MIB  # 192 MiB were measured; an envelope of half a million members alone once took 2 GB
YEAR_9999 = 253_402_300_799_000


def track(user: str, properties: object = None) -> bytes:
    value = a_track(user, 0, properties=properties)[1]
    assert value is not None
    return value


def nested(levels: int) -> bytes:
    return b'{"type":"track","event":"x","userId":"deep","properties":' + b'{"a":' * levels + b"1" + b"}" * (levels + 1)


def envelope(*messages: object) -> bytes:
    return orjson.dumps({"batch": messages})


def records() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Why each is not delivered (empty: it is), of how many events it is, and what Kafka's producer is given."""
    yield "", 1, {"key": b"0", "value": track("large", {"text": "x" * 1_000_000})}
    yield "refused", 1, {"key": b"1", "value": track("larger", {"text": "x" * MIB})}  # 413: the sandbox takes 1 MiB
    yield "", 1, {"key": b"2", "value": track("wide", {f"p{n}": n for n in range(10_000)})}
    yield "", 1, {"key": b"3", "value": track("lists", {"a": [[]] * 300_000})}
    yield "", 1, {"key": b"k" * MIB, "value": track("key")}
    yield (
        "",
        1,
        {"key": b"4", "value": track("headers"), "headers": [(f"h{n}", b"x" * 100) for n in range(5000)]},
    )
    yield "", 1, {"key": b"5", "value": track("long ago"), "timestamp_ms": 0}
    yield "", 1, {"key": b"6", "value": track("far ahead"), "timestamp_ms": YEAR_9999}
    members = [orjson.loads(track(f"m{n}")) for n in range(1_000)]
    yield "", 1_000, {"key": b"7", "value": envelope(*members)}
    yield "too-large", 1, {"key": b"8", "value": track("too large", {"text": "x" * LARGEST})}
    yield "bad-batch", 1, {"key": b"9", "value": envelope(*[1] * 500_000)}
    yield "no-type", MOST_MEMBERS, {"key": b"10", "value": envelope(*[{}] * MOST_MEMBERS)}
    yield "too-deep", 1, {"key": b"11", "value": nested(100_000)}
    yield "not-json", 1, {"key": b"12", "value": b""}
    yield "tombstone", 1, {"key": b"13", "value": None}


def test_whatever_a_record_holds_it_is_settled_within_the_memory(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    topic = place.topics.create(
        f"{place.topic}-odd", max_message_bytes=str(12 * MIB), message_timestamp_after_max_ms=str(10**15)
    )
    expected: Counter[tuple[str]] = Counter()
    producer = KafkaProducer(bootstrap_servers=place.topics.bootstrap, max_request_size=16 * MIB)
    try:
        for reason, events, record in records():
            producer.send(topic, **record).get(30)
            expected[(reason,)] += events
    finally:
        producer.close()
    crowd = a_crowd()
    place.topics.produce(topic, crowd)
    expected[("",)] += len(crowd)
    with (
        Worker(
            tmp_path, place.kafka(topics=[topic], session_timeout=30), wigzo(sandbox.url, request_timeout=10)
        ) as worker,
        Watch(worker.process.pid) as watch,
    ):
        metrics = worker.until_settled(expected.total(), "wigzo", seconds=90)
        assert 0 == worker.stop()
    assert expected == metrics.by("events_settled_total", "reason")
    assert (0, 0) == metrics.balance("wigzo")
    assert watch.peak < MOST
