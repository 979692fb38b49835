"""What a group's commits say: which records nobody will send again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection
from worker.core.commit_metadata import decode

Where = tuple[int, int]  # partition and offset


def settled_by_commits(bootstrap: Sequence[str], group: str, places: Collection[Where]) -> set[Where]:
    """Which of the records are settled: below the committed offset, or in the map beside it."""
    settled = set()
    for partition, position in group_commits(Connection(tuple(bootstrap)), group).items():
        metadata = decode(position.metadata, position.offset)
        assert metadata is not None
        for number, offset in places:
            if number == partition.partition and (offset < position.offset or metadata.settled.settles(offset)):
                settled.add((number, offset))
    return settled
