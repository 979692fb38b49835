"""A model of Kafka: partitions, a group's commits, a dead-letter topic."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.builders import ARecord
from worker.core.commit_metadata import Metadata, decode, encode
from worker.core.letters import Produce
from worker.core.offset_map import OffsetMap
from worker.core.records import Assigned, Position, TopicPartition
from worker.core.starts import AtCommit, AtTime, Committed, StartAt, begin, group_start


@dataclass
class Kafka:
    """``logs`` have gaps where offsets were skipped, as transactions and compaction leave them."""

    logs: dict[TopicPartition, list[ARecord]] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    commits: dict[TopicPartition, Position] = field(default_factory=dict)
    dead: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # origin → reasons

    def add(self, partition: TopicPartition) -> None:
        self.logs[partition] = []
        self.ends[partition] = 0

    def append(self, partition: TopicPartition, value: bytes | None, now: float, gap: int = 0) -> ARecord:
        offset = self.ends[partition] + gap
        record = ARecord(partition.topic, partition.partition, offset, int(now * 1000), b"k", value, ())
        self.logs[partition].append(record)
        self.ends[partition] = offset + 1
        return record

    def assign(self, partition: TopicPartition, setting: StartAt | None, now: float) -> Assigned:
        """Where a new owner begins, as the consumer finds it out. The start is committed before anything else."""
        commits = {one: Committed(said, decode(said.metadata, said.offset)) for one, said in self.commits.items()}
        found = begin(commits.get(partition), group_start(commits.values()), setting, now)
        if isinstance(found, AtCommit):
            return Assigned(partition, Position(found.offset, encode(found.metadata, found.offset)))
        assert isinstance(found, AtTime), "no topic is made anew here"
        offset = next(
            (r.offset for r in self.logs[partition] if r.timestamp >= found.time * 1000), self.ends[partition]
        )
        start = Position(offset, encode(found.metadata, offset))
        self.commit({partition: start})
        return Assigned(partition, start)

    def commit(self, positions: dict[TopicPartition, Position]) -> None:
        """The broker takes a commit. What an earlier one said must stand."""
        for partition, said in positions.items():
            before = self.commits.get(partition)
            assert len(said.metadata) <= 4096, "metadata over the broker's limit"
            metadata = decode(said.metadata, said.offset)
            assert metadata is not None, "a commit that its own program cannot read"
            if before is not None:
                self._stands(partition, before, said.offset, metadata)
            self.commits[partition] = said

    def _stands(self, partition: TopicPartition, before: Position, offset: int, now: Metadata) -> None:
        assert offset >= before.offset, f"commit of {partition} went back from {before.offset} to {offset}"
        earlier = decode(before.metadata, before.offset)
        assert earlier is not None
        for record in self.logs[partition]:
            if before.offset <= record.offset and record.offset >= offset:
                said, says = _members(earlier.settled, record.offset), _members(now.settled, record.offset)
                assert said | says == says, f"a commit took back what was said of {partition} {record.offset}"

    def bury(self, produce: Produce) -> None:
        headers = {name: value.decode() for name, value in produce.headers if name.startswith("relay-")}
        self.dead[headers["relay-origin"]].append(headers["relay-reason"])


ALL = -1  # every bit


def _members(settled: OffsetMap, offset: int) -> int:
    return ALL if settled.settles(offset) else settled.members(offset)
