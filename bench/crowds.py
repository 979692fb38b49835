"""Big workloads, made fast: who says how much, and two processes that produce it.

A user's events go to partition ``user % partitions`` and come from one producer, so they stand in the order of places.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from multiprocessing import get_context
from typing import Final

from kafka import KafkaProducer

from bench.topic import held, make
from bench.workload import TYPES, Marker, user_id, value

PRODUCERS: Final = 2
PIECE: Final = 10_000  # events drawn at once
TEMPLATES: Final = 96  # different pages and prices; a multiple of the kinds of event
PATIENCE: Final = 300.0  # seconds
ZIPF: Final = 1.1  # the exponent: how much more the first say than the others


class Shape(StrEnum):
    """Whose the events are."""

    EVEN = "even"
    DISTINCT = "distinct"  # each user says one thing, an identify
    ZIPF = "zipf"
    ONE = "one"  # user 0 says half of everything, evenly spread among what the others say
    STUCK = "stuck"  # the first user of each partition says one thing, and then only the others speak


@dataclass(frozen=True, slots=True)
class Crowd:
    """``size``: bytes of a record's value."""

    events: int
    users: int
    partitions: int = 12
    shape: Shape = Shape.EVEN
    size: int = 600


def speakers(crowd: Crowd) -> Iterator[int]:
    """Whose each event is, in the order of production; the same ones every time."""
    chance = random.Random(1)
    match crowd.shape:
        case Shape.DISTINCT:
            yield from range(crowd.events)
        case Shape.EVEN:
            yield from (chance.randrange(crowd.users) for _ in range(crowd.events))
        case Shape.ONE:
            yield from (0 if event % 2 else chance.randrange(1, crowd.users) for event in range(crowd.events))
        case Shape.STUCK:
            yield from range(crowd.partitions)
            some = range(crowd.events - crowd.partitions)
            yield from (chance.randrange(crowd.partitions, crowd.users) for _ in some)
        case Shape.ZIPF:
            shares = list(accumulate(rank**-ZIPF for rank in range(1, crowd.users + 1)))
            for begin in range(0, crowd.events, PIECE):
                count = min(PIECE, crowd.events - begin)
                yield from chance.choices(range(crowd.users), cum_weights=shares, k=count)


def records(crowd: Crowd, part: int = 0, parts: int = 1) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of every ``parts``-th user's events."""
    templates = [_template(number, crowd) for number in range(TEMPLATES)]
    step = len(TYPES) if crowd.shape is Shape.DISTINCT else 1  # identify is the last of them
    places = [0] * crowd.users
    for event, user in enumerate(speakers(crowd)):
        if user % parts != part:
            continue
        marker, name = str(Marker(event, user, places[user])).encode(), user_id(user).encode()
        places[user] += 1
        head, middle, tail = templates[(event * step + step - 1) % TEMPLATES]
        yield user % crowd.partitions, name, marker.join((head, middle.replace(b"?", name, 1), tail))


def _template(number: int, crowd: Crowd) -> tuple[bytes, bytes, bytes]:
    """An event around its marker, which stands in it twice; a question mark in the middle for the user."""
    marker = Marker(number, 0, 0)
    head, middle, tail = value(marker, crowd.size).split(str(marker).encode())
    return head, middle.replace(user_id(0).encode(), b"?", 1), tail


def fill(bootstrap: Sequence[str], topic: str, crowd: Crowd) -> None:
    """Make the topic and produce it all, from two processes. Raises ``RuntimeError`` where it has not all arrived."""
    make(bootstrap, crowd.partitions, topic)
    context = get_context("spawn")
    producers = [
        context.Process(target=_produce, args=(tuple(bootstrap), topic, crowd, part)) for part in range(PRODUCERS)
    ]
    for each in producers:
        each.start()
    for each in producers:
        each.join()
    if (found := held(bootstrap, topic)) != crowd.events:
        raise RuntimeError(f"the topic has {found:,} of {crowd.events:,} events")


def _produce(bootstrap: Sequence[str], topic: str, crowd: Crowd, part: int) -> None:
    producer = KafkaProducer(bootstrap_servers=list(bootstrap), linger_ms=20, batch_size=256 << 10)
    for partition, key, body in records(crowd, part, PRODUCERS):
        producer.send(topic, body, key=key, partition=partition)
    producer.flush(timeout=PATIENCE)
    producer.close()
