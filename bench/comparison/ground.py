"""Where the runs are done: a broker whose topics are filled once and stay, in a folder of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka import KafkaAdminClient

from bench.comparison.scenarios import TOPICS
from bench.fleet import NotMeasured
from bench.topic import fill, held
from worker.sandbox.brokers import apache


@contextmanager
def ground(folder: Path) -> Iterator[str]:
    """A broker's address. Its data is kept in the folder, so that a second call has nothing to fill."""
    folder.mkdir(parents=True, exist_ok=True)
    with apache(folder) as cluster:
        (bootstrap,) = cluster.bootstrap
        for topic in missing(bootstrap):
            print(f"producing {TOPICS[topic].events:,} events …", file=sys.stderr)
            fill((bootstrap,), TOPICS[topic], topic)
        yield bootstrap


def missing(bootstrap: str) -> list[str]:
    """The topics that are still to be made. Raises NotMeasured where one was begun and not finished."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        there = set(admin.list_topics())
    finally:
        admin.close()
    for topic in there & set(TOPICS):
        if (found := held([bootstrap], topic)) != TOPICS[topic].events:
            raise NotMeasured(f"topic {topic} has {found:,} of {TOPICS[topic].events:,} events: remove the folder")
    return [topic for topic in TOPICS if topic not in there]
