"""What Kafka deleted before it was read: told and counted, and nothing of it twice."""

from __future__ import annotations

import random

from tests.builders import a_policy
from tests.simulation.destination import DESTINATION, Account
from worker.core.commit_metadata import Metadata, encode
from worker.core.lane import Lane
from worker.core.offset_map import OffsetMap
from worker.core.records import Assigned, Position, TopicPartition

PARTITION = TopicPartition("events", 0)


def a_lane() -> Lane:
    return Lane(DESTINATION, Account(), a_policy(), random=random.Random(1).random, version="1")


def test_what_retention_took_is_counted_less_what_was_settled_ahead() -> None:
    lane = a_lane()
    ahead = OffsetMap(stop=20, holes=(10, 12))
    lane.assign([Assigned(PARTITION, Position(10, encode(Metadata(settled=ahead), 10)))])
    lane.retention_took(PARTITION, 10, 25)
    # 10 and 12 were holes of the map, 20 to 24 were never heard of.
    assert {"events": 7} == dict(lane.tally.lost_to_retention)


def test_what_retention_took_of_a_partition_that_is_not_ours_any_more_is_counted_whole() -> None:
    lane = a_lane()
    lane.retention_took(PARTITION, 10, 25)
    assert {"events": 15} == dict(lane.tally.lost_to_retention)


def test_what_retention_took_is_told() -> None:
    lane = a_lane()
    lane.retention_took(PARTITION, 10, 12)
    assert [("error", "lost to retention", {"at": "events/0", "first": 10, "until": 12, "events": 2})] == [
        (note.level, note.what, dict(note.fields)) for note in lane.notes
    ]
