"""Where a newly assigned partition begins.

``latest`` is a time, not a place. It is resolved once, and every commit of the group carries it from then on. Otherwise
events would be lost: those written to a partition before the worker learns that the topic has it, and those written
while a worker is down that crashed before its first commit. (So the first commit comes before the first record is
handled.) And nothing is guessed: a new or renamed destination that began at the earliest record would send last year's
surveys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import floor
from typing import Final, Literal, TypeAlias

from worker.core.commit_metadata import Metadata
from worker.core.records import Position

StartAt: TypeAlias = Literal["earliest", "latest"] | float  # Unix seconds

EARLIEST: Final = 0.0


class NoStart(Exception):  # noqa: N818  (what is missing is the user's word, not a fault of the program)
    """A partition without a commit, in a group that never began, and no setting that says where to."""

    def __init__(self) -> None:
        super().__init__(
            "`start_at` is not set, and this consumer group has no commit that says when it began. "
            'Expected "earliest", "latest" or a time: a new or renamed destination does not guess where to begin, '
            "so that it does not send old events by accident."
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit of the group. ``metadata`` is ``None`` where the text was damaged or another program's."""

    position: Position
    metadata: Metadata | None


@dataclass(frozen=True, slots=True)
class AtCommit:
    """Go on at ``offset``. ``metadata`` is what the commit said, and the start that the next commits carry."""

    offset: int
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class AtTime:
    """Begin at the first record of this time, Unix seconds, or at the end where there is none so late.

    ``EARLIEST`` is the beginning of the log, also where the records have no time. Commit it before the first record is
    handled: the offset that was found, with ``metadata``. ``group_start`` is the group's where that is another time.
    """

    time: float
    group_start: float | None = None

    @property
    def metadata(self) -> Metadata:
        return Metadata(start=self.time if self.group_start is None else self.group_start)


@dataclass(frozen=True, slots=True)
class Anew:
    """The topic was made anew under its old name: what was committed speaks of other records under the same offsets.

    Begin at the first record there is, and commit that before it is handled. ``start`` is the group's, as before: it
    still decides where the partitions of other topics begin.
    """

    start: float | None

    @property
    def metadata(self) -> Metadata:
        return Metadata(start=self.start)


Begin: TypeAlias = AtCommit | AtTime | Anew


def group_start(commits: Iterable[Committed]) -> float | None:
    """When the group began, Unix seconds: the earliest that its commits carry, ``None`` where none does."""
    carried = (commit.metadata.start for commit in commits if commit.metadata is not None)
    return min((start for start in carried if start is not None), default=None)


def begin(
    commit: Committed | None,
    group_start: float | None,
    setting: StartAt | None,
    now: float,
    topic_id: bytes | None = None,
    *,
    ours: bool = False,
) -> Begin:
    """Where to begin a partition with this commit, or without one. ``now`` is in Unix seconds.

    A group that already began takes no notice of the setting. A commit without a word of ours is obeyed, and carries
    the group's start from then on. ``topic_id``: the topic's now, where the broker tells. ``ours``: it is a
    topic of this worker's own, and what was put there to be sent is not missed because the worker came later.

    Raises :class:`NoStart`.
    """
    start = _resolved(setting, now) if group_start is None else group_start
    if commit is not None and _is_of_another(topic_id, commit.metadata):
        return Anew(start)
    if commit is not None:
        return AtCommit(commit.position.offset, replace(commit.metadata or Metadata(), start=start))
    if start is None:
        raise NoStart
    return AtTime(EARLIEST, start) if ours else AtTime(start)


def _is_of_another(topic_id: bytes | None, metadata: Metadata | None) -> bool:
    said = None if metadata is None else metadata.topic_id
    return said is not None and topic_id is not None and said != topic_id


def _resolved(setting: StartAt | None, now: float) -> float | None:
    match setting:
        case "earliest":
            return EARLIEST
        case "latest":
            return floor(now * 1000) / 1000  # commits carry whole milliseconds, and nothing after it may be lost
        case time:
            return time
