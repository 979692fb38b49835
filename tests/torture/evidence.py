"""What is there after a round: the log, the dead letters, the commits and the arrivals, as the judge wants them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from kafka import KafkaConsumer, TopicPartition

from tests.torture.judge import Came, Logged, Place
from worker.sandbox.exchange import Destination

REFUSED: Final = 422  # how the vendors of the torture refuse an event for good
# Faults of the sandbox after which a worker cannot know that the vendor has done what was asked.
UNHEARD: Final = frozenset({"reset", "nonsense"})
# Seconds after which it may not have waited for the answer: on a busy machine the rest of the way takes time, too.
LATE: Final = 1.2
MERGING: Final[tuple[Destination, ...]] = ("wootric",)
_NUMBER: Final = re.compile(rb'"number":(\d+)')


def records(bootstrap: Sequence[str], topic: str) -> Iterator[Any]:
    """All that a topic holds now, each partition in its order."""
    consumer = KafkaConsumer(bootstrap_servers=list(bootstrap), enable_auto_commit=False)
    try:
        for number in sorted(consumer.partitions_for_topic(topic)):
            yield from _partition(consumer, TopicPartition(topic, number))
    finally:
        consumer.close()


def _partition(consumer: KafkaConsumer, partition: TopicPartition) -> Iterator[Any]:
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    while consumer.position(partition) < end:
        yield from consumer.poll(200).get(partition, ())


def logged(found: Iterable[Any]) -> Iterator[Logged]:
    """The numbered events of a source topic; of others (who a user is) nothing is said."""
    for record in found:
        number = _NUMBER.search(record.value)
        place = (record.partition, record.offset)
        if number is not None and record.value.endswith(b"}"):
            yield Logged(record.key.decode(), int(number[1]), place)
        elif not record.value.endswith(b"}"):
            yield Logged(record.key.decode(), None, place)


def letters(found: Iterable[Any]) -> frozenset[Place]:
    """Where the dead letters came from."""
    return frozenset(_origin(dict(record.headers)["relay-origin"].decode()) for record in found)


def _origin(header: str) -> Place:
    _topic, partition, offset, _member = header.split("/")
    return int(partition), int(offset)


def came(arrivals: Iterable[Mapping[str, Any]], destination: Destination) -> Iterator[Came]:
    """Arrivals of the sandbox that settle an event."""
    number_of = _NUMBERS[destination]
    for arrival in arrivals:
        if arrival["destination"] != destination or not (arrival["accepted"] or arrival["status"] == REFUSED):
            continue
        number = number_of(arrival)
        if number is not None:
            yield Came(arrival["user"], number, arrival["time"], _is_lost(arrival))


def failures(arrivals: Iterable[Mapping[str, Any]], destination: Destination) -> Iterator[tuple[str, float]]:
    """Whose calls went wrong when, where events of one user share a flow."""
    if destination in MERGING:
        for arrival in arrivals:
            if arrival["destination"] == destination and (not arrival["accepted"] or _is_lost(arrival)):
                yield arrival["user"], arrival["time"]


def overlaps(arrivals: Iterable[Mapping[str, Any]], destination: Destination) -> Iterator[tuple[str, float]]:
    """Whose calls came when while another one of the same user was open.

    A request whose answer was not waited for any longer is no fault: nobody can take it back, and it may come later
    than the same one again, and than what follows. So only calls that came once so far count.
    """
    times: Counter[object] = Counter()
    latest: dict[str, Mapping[str, Any]] = {}
    for arrival in arrivals:
        if arrival["destination"] != destination:
            continue
        times[_said(arrival)] += 1
        former = latest.get(arrival["user"])
        both_once = former is not None and times[_said(former)] == times[_said(arrival)] == 1
        if arrival["overlap"] and former is not None and both_once and _ends(former) > arrival["time"]:
            yield arrival["user"], arrival["time"]
        if not _is_late(arrival):
            latest[arrival["user"]] = arrival


def _said(arrival: Mapping[str, Any]) -> tuple[object, ...]:
    return arrival["user"], arrival["operation"], arrival["path"], orjson.dumps(arrival["body"])


def _ends(arrival: Mapping[str, Any]) -> float:
    return float(arrival["time"] + arrival["lasted"])


def _is_late(arrival: Mapping[str, Any]) -> bool:
    return arrival["lasted"] is None or arrival["lasted"] > LATE


def _is_lost(arrival: Mapping[str, Any]) -> bool:
    return _is_late(arrival) or arrival["fault"] in UNHEARD or arrival["status"] is None


def _at_wigzo(arrival: Mapping[str, Any]) -> int | None:
    return arrival["body"]["eventval"]["number"] if arrival["operation"] == "learn/event" else None


def _at_wootric(arrival: Mapping[str, Any]) -> int | None:
    """By the eligibility checks, one of each event, whose names end in their number."""
    return int(arrival["body"]["event_name"].rpartition(" ")[2]) if arrival["operation"] == "eligible" else None


_NUMBERS: Final[Mapping[Destination, Callable[[Mapping[str, Any]], int | None]]] = {
    "wigzo": _at_wigzo,
    "wootric": _at_wootric,
}
