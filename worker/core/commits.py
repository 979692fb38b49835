"""When offsets are committed, and what a commit says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from worker.core.commit_metadata import Metadata, encode
from worker.core.items import Assignment
from worker.core.records import Position, TopicPartition
from worker.core.tally import Tally

IDLE_EVERY: Final = 1.0  # seconds: a fenced member learns of it by its commits alone


def position_of(assignment: Assignment) -> Position:
    """The next offset to read, and what is settled beyond it."""
    ledger = assignment.ledger
    offset = ledger.committable
    said = Metadata(start=assignment.start, topic_id=assignment.topic_id, settled=ledger.offset_map())
    return Position(offset, encode(said, offset))


class Commits:
    """One in flight, never an older one after a newer."""

    def __init__(self, interval: float, tally: Tally) -> None:
        self._interval = interval
        self._tally = tally
        self._in_flight = False
        self._last = float("-inf")

    def due(self, assignments: Iterable[Assignment], now: float) -> Mapping[TopicPartition, Position]:
        """What to commit now; empty: nothing yet."""
        since = now - self._last
        if self._in_flight or since < self._interval:
            return {}
        ours = [one for one in assignments if not one.gone]
        said = [one for one in ours if one.changed] or (ours if since >= IDLE_EVERY else [])
        if said:
            self._in_flight = True
            self._last = now
        return {one.partition: self.position(one) for one in said}

    def position(self, assignment: Assignment) -> Position:
        """What is said of this partition now."""
        assignment.changed = False
        return position_of(assignment)

    def answered(self, assignments: Iterable[Assignment], error: str | None) -> None:
        """The broker took it (``None``) or not: then it is said again."""
        self._in_flight = False
        self._tally.commits[error or "ok"] += 1
        if error is not None:
            for assignment in assignments:
                assignment.changed = True
