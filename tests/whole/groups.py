"""A consumer group, moved as Kafka's own tool moves it (deploy/runbooks/move-a-destination.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition

# What the group is asked for; the tool itself was held against this: it writes no text, and only where nobody is in.
NO_TEXT = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One destination's."""

    bootstrap: Sequence[str]
    name: str

    def is_empty(self) -> bool:
        """Whether nobody is in it, as ``--describe --state`` says."""
        with self._admin() as admin:
            return bool("Empty" == admin.describe_groups([self.name])[self.name]["group_state"])

    def move(self, topic: str, since: float | None) -> set[str]:
        """To the first record of that time (Unix seconds), or to the end; the answers, by name. Only this topic."""
        offsets = self._offsets(topic, since)
        wanted = {partition: OffsetAndMetadata(offset, NO_TEXT, -1) for partition, offset in offsets.items()}
        with self._admin() as admin:
            return {error.__name__ for error in admin.alter_group_offsets(self.name, wanted).values()}

    def _offsets(self, topic: str, since: float | None) -> Mapping[TopicPartition, int]:
        consumer = KafkaConsumer(bootstrap_servers=list(self.bootstrap), enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
            ends: dict[TopicPartition, int] = consumer.end_offsets(partitions)
            if since is None:
                return ends
            found = consumer.offsets_for_times(dict.fromkeys(partitions, round(since * 1000)))
            return {each: ends[each] if at is None else at.offset for each, at in found.items()}
        finally:
            consumer.close()

    @contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(bootstrap_servers=list(self.bootstrap))
        try:
            yield admin
        finally:
            admin.close()
