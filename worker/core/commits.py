"""When offsets are committed, and what a commit says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Final

from worker.core.commit_metadata import MOST_FAILING, Failing, Metadata, encode
from worker.core.items import Assignment
from worker.core.records import Position, TopicPartition
from worker.core.tally import Tally

IDLE_EVERY: Final = 1.0  # seconds: a fenced member learns of it by its commits alone
PATIENCE: Final = 30.0  # seconds without a commit that succeeds: who may not commit may own nothing


def position_of(assignment: Assignment, *, at_risk: int = 0) -> Position:
    """The next offset to read, and what is settled beyond it."""
    ledger = assignment.ledger
    offset = ledger.committable
    said = Metadata(
        start=assignment.start,
        topic_id=assignment.topic_id,
        settled=ledger.offset_map(),
        failing=tuple(nsmallest(MOST_FAILING, _failing(assignment, offset), key=lambda each: each.first)),
        at_risk=at_risk,
    )
    return Position(offset, encode(said, offset))


def _failing(assignment: Assignment, committable: int) -> Iterator[Failing]:
    """The heads of users in trouble, and those of an earlier owner's that were not read again yet."""
    for (offset, member), first in assignment.known_failures.items():
        if offset >= committable:
            yield Failing(offset, member, first)
    for user in assignment.users.values():
        head = user.head
        if user.trouble is not None and head is not None:
            yield Failing(head.record.offset, head.member, int(user.trouble.first))


class Commits:
    """One in flight, never an older one after a newer."""

    def __init__(self, interval: float, tally: Tally) -> None:
        self._interval = interval
        self._tally = tally
        self._in_flight = False
        self._last = float("-inf")
        self._unanswered_since: float | None = None  # the first commit after the last that succeeded

    def stalled(self, now: float) -> bool:
        """No commit has succeeded for long: nothing more is taken, since a crash would repeat it all."""
        return self._unanswered_since is not None and now - self._unanswered_since >= PATIENCE

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
            if self._unanswered_since is None:
                self._unanswered_since = now
        return {one.partition: self.position(one) for one in said}

    def position(self, assignment: Assignment, *, final: bool = False) -> Position:
        """What is said of this partition now; ``final``: it is let go with this, so nothing is at risk after it."""
        # What was settled since the commit before is taken for what will be until the next one.
        at_risk = 0 if final else assignment.at_risk - (assignment.said - assignment.committed)
        assignment.changed = False
        assignment.said = assignment.settled
        return position_of(assignment, at_risk=at_risk)

    def answered(self, assignments: Iterable[Assignment], error: str | None) -> None:
        """The broker took it (``None``) or not: then it is said again."""
        self._in_flight = False
        self._tally.commits[error or "ok"] += 1
        if error is None:
            self._unanswered_since = None
        for assignment in assignments:
            assignment.changed |= error is not None
            assignment.committed = assignment.said if error is None else assignment.committed
