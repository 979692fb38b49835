"""What a consumer tells the lane that it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from worker.core.records import Assigned, Position, Record, TopicPartition

Partitions = frozenset[TopicPartition]


@dataclass(frozen=True, slots=True)
class Release:
    """Permission to go on with a rebalance.

    ``done(positions)``: the partitions' flows have ended; commit this, and let go. Only the first call counts.
    """

    done: Callable[[Mapping[TopicPartition, Position]], None]


class Inbox(Protocol):
    """The lane's side. Every method is called on the event loop's thread, in the order in which things happened."""

    def assigned(self, partitions: Sequence[Assigned]) -> None:
        """Owned from now on, before any record of theirs. Where each begins is committed already.

        Nothing, once, where the group had none left for this member when it joined.
        """

    def received(
        self, batch: Mapping[TopicPartition, Sequence[Record]], positions: Mapping[TopicPartition, int]
    ) -> None:
        """What one poll brought. ``positions``: the next offset to be read, of the partitions where it moved.

        It moves without records, too: over aborted transactions, and over what compaction took.
        Answer a batch that has records with :meth:`~worker.adapters.consumer.Consumer.taken`.
        """

    def revoking(self, partitions: Partitions, release: Release) -> None:
        """Another member is to have them: end their flows, then call ``release.done``. The rebalance waits for that."""

    def lost(self, partitions: Partitions) -> None:
        """Another member may own them already: forget them, commit nothing."""

    def committed(self, positions: Mapping[TopicPartition, Position], error: str | None) -> None:
        """The answer to each ``commit``, and to what a release committed: nothing, or the error's class name.

        ``positions`` leaves out partitions that were let go before the commit was sent.
        """

    def lost_to_retention(self, partition: TopicPartition, first: int, until: int) -> None:
        """Kafka deleted the records from ``first`` to before ``until`` unread; reading goes on at ``until``."""

    def failed(self, error: BaseException) -> None:
        """The consumer has ended for good (fenced, not authorized, a bug): the process must end."""

    def closed(self) -> None:
        """The consumer has ended as asked, and has left the group (a static member keeps its place)."""
