"""Kafka's consumer on a thread of its own, which alone touches it.

The thread polls without pause: the partitions that may not be read now are paused, so that the group never waits for
the lane. What it brings goes to the lane's event loop through ``call`` (``loop.call_soon_threadsafe``); what the lane
wants (commits, pauses) may be said from any thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Condition, Thread
from typing import Any

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
    UnknownMemberIdError,
)

from worker.adapters import gaps, private_calls
from worker.adapters.assignor import Assignor
from worker.adapters.beginnings import Beginnings
from worker.adapters.connection import Connection, Log, connected
from worker.adapters.inbox import Inbox
from worker.adapters.subscription import GRACE_SECONDS, Positions, Subscription
from worker.adapters.watchdog import Watchdog
from worker.core.records import TopicPartition
from worker.core.starts import StartAt

POLL_MS = 100
# Few large polls beat many small ones: 72,000 records/s with 5,000, 42,000 to 57,000 with 500 (of 600 bytes).
POLL_RECORDS = 2000
# A batch in work and one waiting keep the loop busy; more would only be memory.
OUTSTANDING = 2
CLOSE_MS = 5000
CONNECT_SECONDS = 30.0
TROUBLE_PAUSE = 0.1

# Kafka is not there, or the group is moving: the next poll goes on.
PASSING = (
    RetriableError,
    RebalanceInProgressError,
    CommitFailedError,
    IllegalGenerationError,
    UnknownMemberIdError,
)

FETCHING: dict[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # where to begin is this worker's decision, never the client's
    "isolation_level": "read_committed",
    "fetch_max_bytes": 4 << 20,
    "max_partition_fetch_bytes": 1 << 20,
    # A resumed partition waits for the fetch under way: not half a second.
    "fetch_max_wait_ms": 200,
    # How late new partitions of a topic are noticed at most.
    "metadata_max_age_ms": 60_000,
    "request_timeout_ms": 15_000,
    "metrics_enabled": False,
}


class Consumer:
    """One member of one consumer group. Durations are seconds.

    ``call(function, *arguments)`` runs a function soon on the lane's event loop, from any thread and in order.
    ``now`` is the wall clock (Unix seconds), ``clock`` a steady one. ``ends`` is the end of each owned partition's log
    as the last fetch saw it, and may be read from any thread.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        group: str,
        topics: Sequence[str],
        inbox: Inbox,
        call: Callable[..., object],
        start_at: StartAt | None,
        instance_id: str | None,
        session_timeout: float,
        heartbeat_interval: float,
        max_poll_interval: float,
        drain_timeout: float,
        log: Log,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ends: Mapping[TopicPartition, int] = {}
        self._topics = list(topics)
        self._inbox = inbox
        self._call = call
        self._log = log
        self._clock = clock
        self._assignor = Assignor(group)
        self._connection = connection
        self._options = {
            **FETCHING,
            "group_id": group,
            "group_instance_id": instance_id,
            "partition_assignment_strategy": [self._assignor],
            "session_timeout_ms": round(session_timeout * 1000),
            "heartbeat_interval_ms": round(heartbeat_interval * 1000),
            "max_poll_interval_ms": round(max_poll_interval * 1000),
        }
        self._drain_timeout = drain_timeout
        self._beginnings = Beginnings(start_at, now, log)
        self._watchdog = Watchdog(drain_timeout + 2 * GRACE_SECONDS)
        self._wanted_pauses: frozenset[TopicPartition] = frozenset()
        self._outstanding = 0
        self._room = Condition()
        self._positions: dict[KafkaPartition, int] = {}
        self._trouble = ""
        self._stopping = False
        self._subscription: Subscription | None = None
        self._consumer: KafkaConsumer | None = None
        self._thread = Thread(target=self._main, name=f"consumer {group}", daemon=True)

    # --- For the lane: from any thread

    def start(self) -> None:
        """Join the group and begin to read."""
        self._thread.start()

    def pause_only(self, partitions: frozenset[TopicPartition]) -> None:
        """Exactly these are paused from the next poll on."""
        self._wanted_pauses = partitions

    def commit(self, positions: Positions) -> None:
        """Commit, and answer by ``Inbox.committed``. One at a time: wait for the answer before the next."""
        if self._consumer is None or self._subscription is None:
            self._call(self._inbox.committed, positions, "NotRunning")
            return
        try:
            private_calls.on_io_thread(self._consumer, self._subscription.commit, positions)
        except private_calls.Ended:
            self._call(self._inbox.committed, positions, "NotRunning")

    def taken(self) -> None:
        """The lane has taken in one batch."""
        with self._room:
            self._outstanding -= 1
            self._room.notify()

    def close(self) -> None:
        """Leave the group, then ``Inbox.closed``. Commit first, and wait for the answer: nothing is drained here."""
        self._stopping = True
        if self._subscription is not None:
            self._subscription.closing.set()
            self._subscription.stop_draining()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within ``timeout``."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def keeps_metadata(self) -> bool | None:
        """Whether the broker keeps commit metadata; ``None`` until the first partitions have begun."""
        return self._beginnings.keeps_metadata

    @property
    def metadata_ignored(self) -> int:
        """Commits whose metadata was damaged or of an unknown version."""
        return self._beginnings.ignored

    # --- The thread

    def _main(self) -> None:
        failure: BaseException | None = None
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001  (whatever ends this thread must end the process)
            failure = error.__cause__ if "rebalance callback" in str(error) and error.__cause__ else error
        self._leave()
        if failure is None:
            self._call(self._inbox.closed)
        else:
            self._call(self._inbox.failed, failure)

    def _serve(self) -> None:
        consumer = self._consumer = connected(KafkaConsumer, self._connection, CONNECT_SECONDS, **self._options)
        subscription = self._subscription = Subscription(
            consumer, self._assignor, self._inbox, self._call, self._drain_timeout, self._log
        )
        consumer.subscribe(self._topics, listener=subscription)
        for topic in self._topics:
            # Before the first poll: else the first round races the first metadata (see worker.adapters.watchdog).
            consumer.partitions_for_topic(topic)
        while not self._stopping:
            self._turn(consumer, subscription)

    def _turn(self, consumer: KafkaConsumer, subscription: Subscription) -> None:
        full = not self._has_room()
        self._pause(consumer, subscription, everything=full)
        try:
            self._receive(consumer, subscription, 0 if full else POLL_MS)
            self._begin(consumer, subscription)
            self._watch(consumer)
        except (OffsetOutOfRangeError, LogTruncationError) as error:
            self._continue_elsewhere(consumer, error)
        except PASSING as error:
            self._note(type(error).__name__)
            time.sleep(TROUBLE_PAUSE)
        if subscription.fatal is not None:
            raise subscription.fatal

    def _receive(self, consumer: KafkaConsumer, subscription: Subscription, timeout_ms: int) -> None:
        private_calls.unpark(consumer)
        try:
            batch = consumer.poll(timeout_ms=timeout_ms, max_records=POLL_RECORDS)
        except NoOffsetForPartitionError:
            return  # just assigned: _begin gives them their place
        positions = private_calls.positions(consumer)
        moved = {
            partition: position
            for partition, position in positions.items()
            if partition in subscription.begun and self._positions.get(partition) != position
        }
        self._positions = positions
        if batch:
            self._note("")
            with self._room:
                self._outstanding += 1
        if moved:
            self._call(self._inbox.received, batch, moved)
        self.ends = _ends(consumer, subscription.begun)

    def _begin(self, consumer: KafkaConsumer, subscription: Subscription) -> None:
        fresh = subscription.fresh
        if not fresh:
            return
        begun = self._beginnings.begin(consumer, fresh)
        subscription.begin(fresh)
        self._positions |= {KafkaPartition(*each.partition): each.position.offset for each in begun}
        self._log.info("partitions are assigned", partitions=sorted(f"{topic}/{number}" for topic, number in fresh))
        self._call(self._inbox.assigned, begun)

    def _pause(self, consumer: KafkaConsumer, subscription: Subscription, *, everything: bool) -> None:
        wanted = self._wanted_pauses
        assigned = consumer.assignment()
        paused = consumer.paused()
        right = {each for each in assigned if everything or each in wanted or each in subscription.fresh}
        if right != paused:
            consumer.pause(*(right - paused))
            consumer.resume(*(paused - right))

    def _has_room(self) -> bool:
        with self._room:
            return self._room.wait_for(lambda: self._outstanding < OUTSTANDING, timeout=POLL_MS / 1000)

    def _watch(self, consumer: KafkaConsumer) -> None:
        owned = len(consumer.assignment())
        if self._watchdog.suspects(
            self._clock(), owned=owned, rounds=self._assignor.rounds, unassigned=self._assignor.unassigned
        ):
            self._log.info("joining the group anew: partitions may have been left over", owned=owned)
            private_calls.rejoin(consumer)

    def _continue_elsewhere(self, consumer: KafkaConsumer, error: KafkaError) -> None:
        for gap in gaps.found(consumer, error):
            place = {"topic": gap.partition.topic, "partition": gap.partition.partition, "offset": gap.wanted}
            self._log.warning(gap.reason, **place, continues_at=gap.continues_at)
            partition = TopicPartition(*gap.partition)
            if gap.same_log:
                consumer.seek(gap.partition, gap.continues_at)
                self._call(self._inbox.lost_to_retention, partition, gap.wanted, gap.continues_at)
            else:
                # Other records under the same offsets: what the lane knows of the partition no longer holds.
                self._call(self._inbox.lost, frozenset({partition}))
                self._call(self._inbox.assigned, [self._beginnings.anew(consumer, gap.partition, gap.continues_at)])

    def _note(self, trouble: str) -> None:
        """One line for each change, not one for each poll."""
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                self._log.warning("Kafka does not answer as it should", error=trouble)
            else:
                self._log.info("Kafka answers again")

    def _leave(self) -> None:
        if self._subscription is not None:
            self._subscription.closing.set()
        if self._consumer is None:
            return
        try:
            self._consumer.close(timeout_ms=CLOSE_MS)
        except Exception as error:  # noqa: BLE001  (the group does without this member's farewell)
            self._log.warning("the group was not left in order", error=type(error).__name__)


def _ends(consumer: KafkaConsumer, partitions: frozenset[KafkaPartition]) -> dict[TopicPartition, int]:
    ends = {TopicPartition(*partition): consumer.highwater(partition) for partition in partitions}
    return {partition: end for partition, end in ends.items() if end is not None}
