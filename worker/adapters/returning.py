"""When a static member that came back has to join its group once more.

Kafka gives a static member that comes back what it had, without a round, and tells nobody. That is what static
membership is for; but two things go unheard with it:

* **Who led the group still leads it, and is not told so.** kafka-python joins by a version of Kafka's protocol in which
  a leader that comes back is answered like one who follows. But only who knows that it leads looks after the topics:
  once every member had been restarted, partitions that a topic gained were read by nobody, for good.
* **What it subscribes to now and did not before.** A topic that was added to the settings was read by nobody.

So it joins once more, and its group holds a round in which the leader is told, and everybody's topics are heard. The
assignor is sticky and cooperative: no partition moves that need not. But nobody can commit while a round waits for its
last member, who may be away; so an ordinary restart is not to lead to one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from worker.adapters import private_calls

SECONDS: Final = 5.0  # that a question about commits may take
LIFE: Final = len("-") + 36  # Kafka calls a static member by its own name, a hyphen, and a UUID for each of its lives


class Returning:
    """One process's. ``sources`` are the topics of which a member may expect partitions, ``leader`` says whom the last
    join named as the leader.

    A member without an ``instance_id`` never comes back: Kafka takes it for another one. Nor has it come back who led
    a round itself.
    """

    def __init__(self, instance_id: str | None, sources: Collection[str], leader: Callable[[], str]) -> None:
        self.sources = frozenset(sources)
        self._instance_id = instance_id
        self._leader = leader
        self._has_begun = False
        self._seen: frozenset[Any] = frozenset()

    def lacks_a_topic(self, *, rounds: int, topics: Collection[str]) -> bool:
        """Whether the group may not have heard of a topic of its. ``rounds``: how many this process led; ``topics``:
        those of which it owns partitions. Asked again and again; true once at most."""
        if self._instance_id is None or self._has_begun or not topics:
            return False
        self._has_begun = True
        return not rounds and not self.sources <= frozenset(topics)

    def must_look(self, *, rounds: int, partitions: frozenset[Any]) -> bool:
        """Whether nobody else looks after these, which are all that its topics have: for each number of them once."""
        if self._instance_id is None or rounds or self._leader()[:-LIFE] != self._instance_id:
            return False
        return partitions != self._seen

    def looked(self, partitions: frozenset[Any]) -> None:
        """Each of them has a reader, or this member asked for one."""
        self._seen = partitions


def leaves_unread(returning: Returning, consumer: KafkaConsumer, rounds: int) -> bool:
    """Whether nobody reads some partitions, and nobody else can tell. Raises KafkaError: ask again.

    On the consumer's own thread. Whoever reads a partition commits where it begins, before anything else.
    """
    each = [private_calls.partitions_of(consumer, topic) for topic in returning.sources]
    partitions = frozenset[KafkaPartition]().union(*each)
    if not returning.must_look(rounds=rounds, partitions=partitions):
        return False
    committed = private_calls.committed(consumer, partitions, SECONDS)
    returning.looked(partitions)
    return not partitions <= committed.keys()
