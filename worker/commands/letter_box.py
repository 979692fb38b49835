"""The dead letters of one destination, as Kafka has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from worker.adapters import cluster
from worker.adapters.cluster import KafkaRefused
from worker.adapters.connection import Connection, reach
from worker.adapters.topic_log import opened
from worker.commands.check import PATIENCE, Silent
from worker.config import DestinationSettings, Settings, SetupError, connection_of
from worker.core.records import Record
from worker.dead_letters.letter import Letter, Place, letter_of, replayed_by
from worker.dead_letters.selection import Selection, moment
from worker.logs import quiet

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LetterBox:
    """Everything raises KafkaRefused where Kafka does not answer or allow it."""

    connection: Connection
    destination: DestinationSettings

    def exists(self) -> bool:
        """No: nothing was ever given up with these settings."""
        name = self.destination.dead_letters
        return name in cluster.topics(self.connection, [name])

    def letters(self, selection: Selection | None = None) -> Iterator[tuple[Record, Letter]]:
        """Those that are meant, each partition's in the log's order."""
        chosen = selection or Selection()
        with opened(self.connection, self.destination.dead_letters) as log:
            for record in log.records(None if chosen.since is None else log.since(chosen.since)):
                letter = letter_of(record)
                if chosen.takes(letter, record):
                    yield record, letter

    def replayed(self) -> frozenset[Place]:
        """Which letters stand in the replay topic."""
        name = self.destination.replay
        if name not in cluster.topics(self.connection, [name]):
            return frozenset()
        with opened(self.connection, name) as log:
            return frozenset(place for record in log.records() if (place := replayed_by(record)) is not None)


def boxes(settings: Settings, only: str | None) -> list[LetterBox]:
    """Of one destination, or of each, once Kafka answers. Raises SetupError, KafkaNotReached."""
    quiet()
    if only is not None and only not in settings.destinations:
        raise SetupError([f'--destination: found "{only}", expected one of {", ".join(settings.destinations)}'])
    connection = connection_of(settings)
    reach(connection, min(PATIENCE, settings.worker.start_timeout), Silent())
    return [LetterBox(connection, one) for name, one in settings.destinations.items() if only in (None, name)]


def selection_of(
    reasons: Collection[str], since: str | None, until: str | None, user: str | None, message_id: str | None
) -> Selection:
    """What the options say. Raises SetupError."""
    now = time.time()
    begin, end = _moment("--since", since, now), _moment("--until", until, now)
    return Selection(frozenset(reasons), begin, end, user, message_id)


def _moment(option: str, text: str | None, now: float) -> float | None:
    if text is None:
        return None
    try:
        return moment(text, now)
    except ValueError:
        expected = 'a duration like "4h" (so long ago) or a time like "2026-11-01T00:00:00Z"'
        raise SetupError([f'{option}: found "{text}", expected {expected}']) from None


def refused(error: KafkaRefused) -> SetupError:
    """Kafka's word, as a mistake that a person can correct."""
    return SetupError([str(error)])
