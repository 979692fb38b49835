"""What commits say of events."""

from __future__ import annotations

from worker.core.commit_metadata import Metadata, encode
from worker.core.offset_map import OffsetMap
from worker.core.records import Position, TopicPartition
from worker.dead_letters.settled import Settled

P0 = TopicPartition("events", 0)


def test_below_the_commit_all_is_settled_and_above_it_what_the_map_lists() -> None:
    listed = OffsetMap(stop=14, holes=(10, 12), partly={12: b"\x05"})
    settled = Settled({P0: Position(10, encode(Metadata(settled=listed), 10))})
    assert [True, False, True, True, True, False] == [settled.has(P0, offset) for offset in (9, 10, 11, 12, 13, 14)]
    assert [True, False, True, False] == [settled.has(P0, 12, member) for member in range(4)]


def test_without_a_commit_nothing_is_settled() -> None:
    assert not Settled({}).has(P0, 0)


def test_a_map_that_cannot_be_read_says_nothing() -> None:
    settled = Settled({P0: Position(10, "damaged")})
    assert [True, False] == [settled.has(P0, offset) for offset in (9, 10)]
