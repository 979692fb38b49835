"""Where newly assigned partitions begin: :mod:`worker.core.starts` decides, this looks up and commits.

Nothing here hands over a record. What it takes is the consumer's own thread, between two polls, with the partitions
paused; what it raises is tried again after the next poll.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from kafka import KafkaConsumer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition

from worker.adapters import private_calls
from worker.adapters.connection import Log
from worker.core import starts
from worker.core.commit_metadata import Metadata, decode, encode
from worker.core.records import Assigned, Position, TopicPartition
from worker.core.starts import Anew, AtCommit, AtTime, Begin, Committed, StartAt

SECONDS = 10.0
MILLISECONDS = 1000
# A group that is new and one whose commits have expired look the same. With "latest", what the second had not read yet
# is passed over: so it is said, once in the life of each group.
FORGOTTEN = (
    "this consumer group has no commits and begins where start_at says; if it has run before, Kafka has forgotten "
    "its place, as it does with a group that nobody was in for offsets.retention.minutes (7 days by default)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Where one partition begins, and whether that must be committed first.

    ``of_topic``: the id of the topic that this place is surely one of; ``None`` where a commit did not say.
    """

    offset: int
    metadata: Metadata
    new: bool
    of_topic: bytes | None

    @property
    def text(self) -> str:
        return encode(self.metadata, self.offset)

    @property
    def commit(self) -> OffsetAndMetadata:
        return OffsetAndMetadata(self.offset, self.text, -1)


class Beginnings:
    """For one consumer. ``now`` is the wall clock, Unix seconds.

    ``ours``: topics of this worker's own, which are read from their beginning whenever the group began.
    ``keeps_metadata`` is whether the broker keeps what travels with a commit; ``None`` until that is known.
    ``ignored`` counts commits whose metadata was damaged or of an unknown version.
    """

    def __init__(
        self, start_at: StartAt | None, now: Callable[[], float], log: Log, ours: Collection[str] = ()
    ) -> None:
        self._start_at = start_at
        self._ours = frozenset(ours)
        self._now = now
        self._log = log
        self._began: float | None = None
        self._committed_of: dict[KafkaPartition, bytes | None] = {}  # of which topic what is committed surely is
        self.keeps_metadata: bool | None = None
        self.ignored = 0

    def begin(self, consumer: KafkaConsumer, partitions: Collection[KafkaPartition]) -> list[Assigned]:
        """Seek each to its place; what is new is committed already. Raises NoStart, KafkaError.

        Those that the topic does not have (any more) are left out: a question about one is asked until its time is up.
        """
        commits = self._commits(consumer, partitions)
        private_calls.refresh_metadata(consumer, SECONDS)
        partitions = _present(consumer, partitions)
        topic_ids = {each.topic: private_calls.topic_id(consumer, each.topic) for each in partitions}
        decided = self._decide(commits, partitions, topic_ids)
        found = _found(consumer, decided, topic_ids)
        new = {partition: each.commit for partition, each in found.items() if each.new}
        if new:
            consumer.commit(new, timeout_ms=SECONDS * MILLISECONDS)
        self._probe(consumer, commits, found)
        for partition, each in found.items():
            consumer.seek(partition, each.offset)
            self._committed_of[partition] = each.of_topic
        return [
            Assigned(TopicPartition(*partition), Position(each.offset, each.text), topic_ids[partition.topic])
            for partition, each in found.items()
        ]

    def anew(self, consumer: KafkaConsumer, partition: KafkaPartition, first: int, parts_at: int) -> Assigned:
        """A partition whose log is another one from ``parts_at`` on: seek, and forget what the commit's map said.

        Where it is still the same topic, the committed offset stands: all before it is settled. Else, or where that is
        not known, it begins with ``first``. Raises KafkaError.
        """
        private_calls.refresh_metadata(consumer, SECONDS)
        topic_id = private_calls.topic_id(consumer, partition.topic)
        offset = first
        if topic_id is not None and topic_id == self._committed_of.get(partition):
            commit = private_calls.committed(consumer, [partition], SECONDS).get(partition)
            offset = max(first, min(parts_at, commit.offset)) if commit is not None else first
        consumer.seek(partition, offset)
        self._committed_of[partition] = topic_id
        metadata = Metadata(start=self._began, topic_id=topic_id)
        return Assigned(TopicPartition(*partition), Position(offset, encode(metadata, offset)), topic_id)

    def _commits(
        self, consumer: KafkaConsumer, partitions: Collection[KafkaPartition]
    ) -> Mapping[KafkaPartition, Committed]:
        """Those of the whole group, not only of ``partitions``: the others' say when the group began."""
        topics = {partition.topic for partition in partitions} | set(consumer.subscription() or ())
        known = frozenset().union(*(private_calls.partitions_of(consumer, topic) for topic in topics))
        answered = private_calls.committed(consumer, known | frozenset(partitions), SECONDS)
        return {partition: self._read(partition, each) for partition, each in answered.items()}

    def _read(self, partition: KafkaPartition, commit: OffsetAndMetadata) -> Committed:
        text = commit.metadata or ""
        metadata = decode(text, commit.offset)
        if metadata is None:
            self.ignored += 1
            self._log.warning(
                "commit metadata is damaged or of another version, and ignored",
                topic=partition.topic,
                partition=partition.partition,
            )
        return Committed(Position(commit.offset, text), metadata)

    def _decide(
        self,
        commits: Mapping[KafkaPartition, Committed],
        partitions: Collection[KafkaPartition],
        topic_ids: Mapping[str, bytes | None],
    ) -> dict[KafkaPartition, Begin]:
        if not commits and self._began is None:
            self._log.warning(FORGOTTEN, start_at=self._start_at)
        began = starts.group_start(commits.values())
        # Where the broker keeps no metadata, this process at least remembers what "latest" was.
        self._began = self._began if began is None else began
        now = self._now()
        decided = {each: self._begin(each, commits, now, topic_ids[each.topic]) for each in partitions}
        for partition, each in decided.items():
            self._began = each.metadata.start if self._began is None else self._began
            if isinstance(each, Anew):
                self._log.warning(
                    "the topic was made anew since it was committed: the commit is ignored, and all it holds is read",
                    topic=partition.topic,
                    partition=partition.partition,
                )
        return decided

    def _begin(
        self,
        partition: KafkaPartition,
        commits: Mapping[KafkaPartition, Committed],
        now: float,
        topic_id: bytes | None,
    ) -> Begin:
        ours = partition.topic in self._ours
        return starts.begin(commits.get(partition), self._began, self._start_at, now, topic_id, ours=ours)

    def _probe(
        self,
        consumer: KafkaConsumer,
        commits: Mapping[KafkaPartition, Committed],
        found: Mapping[KafkaPartition, Found],
    ) -> None:
        """Find out once whether what is written beside a commit comes back."""
        if self.keeps_metadata is not None or not found:
            return
        if any(commit.position.metadata for commit in commits.values()):
            self.keeps_metadata = True
            return
        partition, each = next(iter(found.items()))
        if not each.new:
            consumer.commit({partition: each.commit}, timeout_ms=SECONDS * MILLISECONDS)
        answer = private_calls.committed(consumer, [partition], SECONDS).get(partition)
        self.keeps_metadata = answer is not None and answer.metadata == each.text
        if not self.keeps_metadata:
            self._log.warning(
                "this broker keeps no commit metadata: "
                "what was delivered ahead of an undelivered event is sent again after a restart"
            )


def _present(consumer: KafkaConsumer, partitions: Collection[KafkaPartition]) -> list[KafkaPartition]:
    present = [each for each in partitions if each in private_calls.partitions_of(consumer, each.topic)]
    for absent in frozenset(partitions) - frozenset(present):
        consumer.seek(absent, 0)  # without a place, none of the others would be read either
    return present


def _found(
    consumer: KafkaConsumer, decided: Mapping[KafkaPartition, Begin], topic_ids: Mapping[str, bytes | None]
) -> dict[KafkaPartition, Found]:
    looked_up = offsets_at(consumer, {each: _time(at) for each, at in decided.items() if not isinstance(at, AtCommit)})
    return {
        each: Found(
            at.offset if isinstance(at, AtCommit) else looked_up[each],
            replace(at.metadata, topic_id=topic_ids[each.topic] or at.metadata.topic_id),
            new=not isinstance(at, AtCommit),
            of_topic=at.metadata.topic_id if isinstance(at, AtCommit) else topic_ids[each.topic],
        )
        for each, at in decided.items()
    }


def _time(begin: AtTime | Anew) -> float:
    return starts.EARLIEST if isinstance(begin, Anew) else begin.time


def offsets_at(consumer: KafkaConsumer, times: Mapping[KafkaPartition, float]) -> dict[KafkaPartition, int]:
    """The first offset of each time (Unix seconds), or the end where there is no record so late.

    ``starts.EARLIEST`` is the beginning of the log. The ends are asked for first: a record that comes between the two
    questions must be found by one of them. Raises KafkaError.
    """
    earliest = [partition for partition, time in times.items() if time == starts.EARLIEST]
    later = {partition: round(time * 1000) for partition, time in times.items() if time != starts.EARLIEST}
    found: dict[KafkaPartition, int] = dict(_beginnings(consumer, earliest))
    if later:
        ends = consumer.end_offsets(list(later), timeout_ms=SECONDS * MILLISECONDS)
        at_time = consumer.offsets_for_times(later, timeout_ms=SECONDS * MILLISECONDS)
        for partition in later:
            found[partition] = ends[partition] if at_time[partition] is None else at_time[partition].offset
    return found


def _beginnings(consumer: KafkaConsumer, partitions: Sequence[KafkaPartition]) -> Mapping[KafkaPartition, int]:
    if not partitions:
        return {}
    offsets: Mapping[KafkaPartition, int] = consumer.beginning_offsets(partitions, timeout_ms=SECONDS * MILLISECONDS)
    return offsets
