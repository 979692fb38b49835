"""Which topic the offsets of each owned partition belong to.

A topic that is deleted and made anew under its old name begins again at offset 0, and its commits and fetches, which
name it by its name, are taken all the same. Only its id tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from worker.adapters import private_calls
from worker.core.records import Assigned, TopicPartition


class TopicIds:
    """For one consumer."""

    def __init__(self) -> None:
        self._begun: dict[TopicPartition, bytes] = {}
        self._former: set[bytes] = set()

    def note(self, assigned: Iterable[Assigned]) -> None:
        """These have begun, under the ids that they say."""
        for each in assigned:
            before = self._begun.pop(each.partition, None)
            if each.topic_id is not None:
                self._begun[each.partition] = each.topic_id
            if before not in (None, each.topic_id):
                self._former.add(before)

    def changed(self, consumer: KafkaConsumer, partitions: Collection[KafkaPartition]) -> frozenset[KafkaPartition]:
        """Those whose topic has another id than when they began. Sends nothing: as the last metadata had it."""
        now = {topic: private_calls.topic_id(consumer, topic) for topic in {each.topic for each in partitions}}
        return frozenset(each for each in partitions if self._is_another(TopicPartition(*each), now[each.topic]))

    def _is_another(self, partition: TopicPartition, topic_id: bytes | None) -> bool:
        begun = self._begun.get(partition)
        # A broker that has not heard yet of the new topic still tells of the old one.
        return None not in (begun, topic_id) and begun != topic_id and topic_id not in self._former
