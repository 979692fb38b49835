"""The polling of one consumer: what its thread does, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Condition
from typing import Final

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    RetriableError,
    UnknownError,
    UnknownMemberIdError,
)

from worker.adapters import gaps, private_calls
from worker.adapters.assignor import Assignor
from worker.adapters.beginnings import Beginnings
from worker.adapters.connection import Log
from worker.adapters.gaps import Deleted, Parted
from worker.adapters.inbox import Inbox, Partitions
from worker.adapters.rejoining import Rejoining
from worker.adapters.returning import Returning, leaves_unread
from worker.adapters.subscription import Subscription
from worker.adapters.topic_ids import TopicIds
from worker.core.records import TopicPartition

POLL_MS: Final = 100
SHORT_MS: Final = 10  # while nothing may be read: with 0 a join would never come to its end
# Larger polls gain nothing (500, 2,000 and 5,000 records of 600 bytes all come at about 150,000/s and 6 µs each), and
# the lane's loop does nothing else while it takes one in.
POLL_RECORDS: Final = 500
# A batch in work and one waiting keep the loop busy; more would only be memory.
OUTSTANDING: Final = 2
TROUBLE_PAUSE: Final = 0.1

# Kafka is not there, or in trouble of its own (UnknownError), or the group is moving: the next poll goes on.
PASSING = (
    RetriableError,
    RebalanceInProgressError,
    CommitFailedError,
    IllegalGenerationError,
    UnknownError,
    UnknownMemberIdError,
)


class Backlog:
    """Batches on their way to the lane; counted on one thread, taken on another."""

    def __init__(self) -> None:
        self._batches = 0
        self._changed = Condition()

    def add(self) -> None:
        with self._changed:
            self._batches += 1

    def take(self) -> None:
        with self._changed:
            self._batches -= 1
            self._changed.notify()

    def has_room(self, timeout: float) -> bool:
        """Whether there is room for one more, within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._batches < OUTSTANDING, timeout)


class Wishes:
    """What the lane wants of the thread; said from any thread."""

    def __init__(self) -> None:
        self.paused: Partitions = frozenset()
        self.backlog = Backlog()


class Reader:
    """Made and used on the consumer's own thread."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        subscription: Subscription,
        assignor: Assignor,
        *,
        beginnings: Beginnings,
        rejoining: Rejoining,
        returning: Returning,
        wishes: Wishes,
        inbox: Inbox,
        call: Callable[..., object],
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self.ends: Mapping[TopicPartition, int] = {}
        self._consumer = consumer
        self._subscription = subscription
        self._assignor = assignor
        self._beginnings = beginnings
        self._rejoining = rejoining
        self._returning = returning
        self._wishes = wishes
        self._inbox = inbox
        self._call = call
        self._clock = clock
        self._log = log
        self._positions: dict[KafkaPartition, int] = {}
        self._topic_ids = TopicIds()
        self._trouble = ""
        self._has_joined = False

    def turn(self) -> None:
        """One poll, and what follows from it. Raises what this member cannot go on after."""
        full = not self._wishes.backlog.has_room(POLL_MS / 1000)
        self._pause(everything=full)
        try:
            self._read(SHORT_MS if full else POLL_MS)
        except PASSING as error:
            self._note(type(error).__name__)
            time.sleep(TROUBLE_PAUSE)
        if self._subscription.fatal is not None:
            raise self._subscription.fatal

    def _read(self, timeout_ms: int) -> None:
        try:
            self._receive(timeout_ms)
            self._begin()
            self._begin_recreated()
            self._watch()
            self._come_back()
        except (OffsetOutOfRangeError, LogTruncationError) as error:
            self._continue_elsewhere(error)

    def _receive(self, timeout_ms: int) -> None:
        private_calls.finish_join(self._consumer)
        private_calls.unpark(self._consumer)
        try:
            batch = self._consumer.poll(timeout_ms=timeout_ms, max_records=POLL_RECORDS)
        except NoOffsetForPartitionError:
            return  # just assigned: _begin gives them their place
        begun = self._subscription.begun - (recreated := self._recreated())
        positions = private_calls.positions(self._consumer)
        moved = {
            partition: position
            for partition, position in positions.items()
            if partition in begun and self._positions.get(partition) != position
        }
        self._positions = positions
        for partition in recreated:
            batch.pop(partition, None)  # it is read from its beginning next
        if batch:
            self._note("")
            self._wishes.backlog.add()
        if batch or moved:
            self._call(self._inbox.received, batch, moved)
        self.ends = _ends(self._consumer, self._subscription.begun)

    def _begin(self) -> None:
        if not self._subscription.fresh:
            self._tell_of_the_join()
            return
        begun = self._beginnings.begin(self._consumer, self._subscription.fresh)
        places = {KafkaPartition(*each.partition): each.position.offset for each in begun}
        if not places:
            return  # not there any more: another rebalance follows
        self._subscription.begin(frozenset(places))
        self._positions |= places
        self._topic_ids.note(begun)
        self._log.info("partitions are assigned", partitions=sorted(f"{topic}/{number}" for topic, number in places))
        self._has_joined = True
        self._call(self._inbox.assigned, begun)

    def _tell_of_the_join(self) -> None:
        """A member for whom no partition was left is in its group as well: a rollout waits until it is ready."""
        if self._assignor.joined and not self._has_joined:
            self._has_joined = True
            self._log.info("joined, and no partition is left at present: the others have them all")
            self._call(self._inbox.assigned, ())

    def _pause(self, *, everything: bool) -> None:
        wanted = self._wishes.paused
        assigned = self._consumer.assignment()
        paused = self._consumer.paused()
        right = {each for each in assigned if everything or each in wanted or each in self._subscription.fresh}
        if right != paused:
            self._consumer.pause(*(right - paused))
            self._consumer.resume(*(paused - right))

    def _watch(self) -> None:
        owned = len(self._consumer.assignment())
        if self._rejoining.suspects(
            self._clock(), owned=owned, rounds=self._assignor.rounds, unassigned=self._assignor.unassigned
        ):
            self._log.info("joining the group anew: partitions may have been left over", owned=owned)
            private_calls.rejoin(self._consumer)

    def _come_back(self) -> None:
        rounds = self._assignor.rounds
        topics = {partition.topic for partition in self._subscription.begun}
        lacks = self._returning.lacks_a_topic(rounds=rounds, topics=topics)
        if lacks or leaves_unread(self._returning, self._consumer, rounds):
            self._log.info("joining the group once more, so that it hears what a static member wants that came back")
            private_calls.rejoin(self._consumer)

    def _continue_elsewhere(self, error: KafkaError) -> None:
        for gap in gaps.found(self._consumer, error):
            match gap:
                case Deleted(partition, wanted, first):
                    self._consumer.seek(partition, first)
                    self._positions[partition] = first
                    self._call(self._inbox.lost_to_retention, TopicPartition(*partition), wanted, first)
                case Parted(partition, wanted, first, parts_at, reason):
                    self._begin_anew(partition, wanted, first, parts_at, reason)

    def _recreated(self) -> frozenset[KafkaPartition]:
        return self._topic_ids.changed(self._consumer, self._subscription.begun)

    def _begin_recreated(self) -> None:
        for partition in self._recreated():
            if partition not in private_calls.partitions_of(self._consumer, partition.topic):
                continue  # the new topic has fewer: the next rebalance takes it away
            first = gaps.earliest(self._consumer, partition)
            self._begin_anew(partition, self._positions.get(partition, 0), first, first, "the topic was made anew")

    def _begin_anew(self, partition: KafkaPartition, wanted: int, first: int, parts_at: int, reason: str) -> None:
        """Other records stand under the same offsets: what the lane knows of the partition no longer holds."""
        anew = self._beginnings.anew(self._consumer, partition, first, parts_at)
        place = {"topic": partition.topic, "partition": partition.partition, "offset": wanted}
        self._log.warning(reason, **place, continues_at=anew.position.offset)
        self._topic_ids.note([anew])
        self._positions[partition] = anew.position.offset
        self._call(self._inbox.lost, frozenset({anew.partition}))
        self._call(self._inbox.assigned, [anew])

    def _note(self, trouble: str) -> None:
        """One line for each change, not one for each poll."""
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                self._log.warning("Kafka does not answer as it should", error=trouble)
            else:
                self._log.info("Kafka answers again")


def _ends(consumer: KafkaConsumer, partitions: frozenset[KafkaPartition]) -> dict[TopicPartition, int]:
    ends = {TopicPartition(*partition): consumer.highwater(partition) for partition in partitions}
    return {partition: end for partition, end in ends.items() if end is not None}
