"""What a group's commits say is settled: everything below the offset, and above it what the offset map lists."""

from __future__ import annotations

from collections.abc import Mapping

from worker.core.commit_metadata import Metadata, decode
from worker.core.records import Position, TopicPartition

NOTHING = Position(0)


class Settled:
    """``commits`` are a group's, as Kafka has them."""

    def __init__(self, commits: Mapping[TopicPartition, Position]) -> None:
        self._commits = commits
        self._maps = {one: (decode(at.metadata, at.offset) or Metadata()).settled for one, at in commits.items()}

    def has(self, partition: TopicPartition, offset: int, member: int = 0) -> bool:
        """Whether that event is settled; of an envelope, that member."""
        if offset < self._commits.get(partition, NOTHING).offset:
            return True
        above = self._maps.get(partition)
        return above is not None and (above.settles(offset) or bool(above.members(offset) >> member & 1))
