"""Dead letters into the replay topic: in order, and each acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from kafka import KafkaProducer

from worker.adapters.cluster import SECONDS, refusals
from worker.adapters.connection import Connection, connected
from worker.adapters.producer import PRODUCING
from worker.core.letter_headers import Header
from worker.core.records import Record

UNANSWERED: Final = 500  # records on their way at once
FLUSH_SECONDS: Final = 30.0


class Copied(NamedTuple):
    """Where a dead letter stands, and its copy in the replay topic."""

    letter: tuple[int, int]
    place: tuple[int, int]


class ReplayWriter:
    """Letters of one partition stay in one partition, in order, also where one of them fails: then none follows it.

    ``written`` is told of each that the broker has. Raises KafkaRefused.
    """

    def __init__(
        self, connection: Connection, producer: KafkaProducer, topic: str, written: Callable[[Copied], None]
    ) -> None:
        self._connection = connection
        self._producer = producer
        self._topic = topic
        self._written = written
        self._unanswered: deque[tuple[tuple[int, int], Any]] = deque()

    def write(self, letter: Record) -> None:
        """Its key, value and headers as they are, and where it stands."""
        place = (letter.partition, letter.offset)
        header = (Header.LETTER, f"{letter.partition}/{letter.offset}".encode())
        others = [(name, value or b"") for name, value in letter.headers if name != Header.LETTER]
        with self._refusals(place):
            partitions = sorted(self._producer.partitions_for(self._topic))
            sent = self._producer.send(
                self._topic,
                # What has neither is not taken: an empty key is the same to whoever reads it.
                key=b"" if letter.key is None and letter.value is None else letter.key,
                value=letter.value,
                headers=[*others, header],
                partition=partitions[letter.partition % len(partitions)],
            )
        self._unanswered.append((place, sent))
        if len(self._unanswered) >= UNANSWERED:
            self._hear()

    def finish(self) -> None:
        """Wait for every answer."""
        while self._unanswered:
            self._hear()

    def _hear(self) -> None:
        place, sent = self._unanswered.popleft()
        with self._refusals(place):
            answer = sent.get(FLUSH_SECONDS + SECONDS)
        self._written(Copied(place, (answer.partition, answer.offset)))

    def _refusals(self, letter: tuple[int, int]) -> Any:
        return refusals(self._connection, f"take the dead letter {letter[0]}/{letter[1]} into {self._topic}")


@contextmanager
def opened(connection: Connection, topic: str, written: Callable[[Copied], None]) -> Iterator[ReplayWriter]:
    """A writer, as long as the block lasts; everything has its answer at its end. Raises KafkaRefused."""
    with refusals(connection, f"let {topic} be written to"):
        producer = connected(KafkaProducer, connection, SECONDS, **PRODUCING)
    try:
        writer = ReplayWriter(connection, producer, topic, written)
        yield writer
        writer.finish()
    finally:
        producer.close(timeout=SECONDS)
