"""Kafka's consumer on a thread of its own, which alone touches it.

The thread polls without pause: the partitions that may not be read now are paused, so that the group never waits for
the lane. What it brings goes to the lane's event loop through ``call`` (``loop.call_soon_threadsafe``); what the lane
wants (commits, pauses) may be said from any thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, Final

from kafka import KafkaConsumer
from kafka.errors import KafkaTimeoutError

from worker.adapters import private_calls, refusals
from worker.adapters.assignor import Assignor
from worker.adapters.beginnings import Beginnings
from worker.adapters.connection import Connection, KafkaNotReached, Log, connected
from worker.adapters.inbox import Inbox
from worker.adapters.lease import Lease
from worker.adapters.reader import PASSING, TROUBLE_PAUSE, Reader, Wishes
from worker.adapters.rejoining import Rejoining
from worker.adapters.returning import Returning
from worker.adapters.subscription import GRACE_SECONDS, Bounded, Positions, Subscription
from worker.core.records import TopicPartition
from worker.core.starts import StartAt

CLOSE_MS: Final = 5000
CONNECT_SECONDS: Final = 30.0
COUNT_SECONDS: Final = 1.0  # how old the number of a topic's partitions may be

FETCHING: Final[dict[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # where to begin is this worker's decision, never the client's
    "isolation_level": "read_committed",
    # What was fetched and not polled yet is memory beside the buffer, so much a partition at most, and all of it while
    # the lane is full. With the usual 1 MiB the rate is the same, and two lanes of 12 partitions take 45 MiB more.
    "fetch_max_bytes": 2 << 20,
    "max_partition_fetch_bytes": 256 << 10,
    # A resumed partition waits for the fetch under way: not half a second.
    "fetch_max_wait_ms": 200,
    # How late new partitions of a topic are noticed at most, and a topic that was made anew while nothing was fetched.
    "metadata_max_age_ms": 15_000,
    "request_timeout_ms": 15_000,
    "metrics_enabled": False,
}


@dataclass(frozen=True, slots=True)
class Membership:
    """Who a consumer is in its group, and by when the group misses it. Durations are seconds."""

    group: str
    instance_id: str | None  # static membership: a name of this process alone
    session_timeout: float
    heartbeat_interval: float
    max_poll_interval: float

    def options(self, assignor: Assignor) -> dict[str, Any]:
        """As kafka-python spells them."""
        return {
            "group_id": self.group,
            "group_instance_id": self.instance_id,
            "partition_assignment_strategy": [assignor],
            "session_timeout_ms": round(self.session_timeout * 1000),
            "heartbeat_interval_ms": round(self.heartbeat_interval * 1000),
            "max_poll_interval_ms": round(self.max_poll_interval * 1000),
        }


class Consumer:
    """One member of one consumer group. Durations are seconds.

    ``connect_timeout`` is how long Kafka may be away when it is first connected to. ``ours`` are topics of this
    worker's own, read beside ``topics`` and from their beginning.
    ``call(function, *arguments)`` runs a function soon on the lane's event loop, from any thread and in order.
    ``now`` is the wall clock (Unix seconds), ``clock`` a steady one, by which the lease is told. ``ends`` is the end of
    each owned partition's log as the last fetch saw it, ``topic_partitions`` how many each topic has; ``turns`` is
    another number whenever the thread has polled. They may be read from any thread. ``bounded`` is told of each drain:
    the process ends where the lane's loop hangs.
    """

    def __init__(
        self,
        connection: Connection,
        membership: Membership,
        *,
        topics: Sequence[str],
        ours: Sequence[str] = (),
        inbox: Inbox,
        call: Callable[..., object],
        start_at: StartAt | None,
        drain_timeout: float,
        log: Log,
        connect_timeout: float = CONNECT_SECONDS,
        bounded: Bounded = lambda *_: None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ends: Mapping[TopicPartition, int] = {}
        self.topic_partitions: Mapping[str, int] = {}
        self.turns = 0
        self._topics = [*topics, *ours]
        self._returning = partial(Returning, membership.instance_id, topics)
        self._inbox = inbox
        self._call = call
        self._log = log
        self._clock = clock
        self._group = membership.group
        self._assignor = Assignor(membership.group)
        self._connection = connection
        self._connect_timeout = connect_timeout
        self._options = {**FETCHING, **membership.options(self._assignor)}
        self._drain_timeout = drain_timeout
        self._bounded = bounded
        self._beginnings = Beginnings(start_at, now, log, ours)
        self._rejoining = Rejoining(drain_timeout + 2 * GRACE_SECONDS)
        self._wishes = Wishes()
        self._lease = Lease(membership.session_timeout)
        self._stopping = False
        self._subscription: Subscription | None = None
        self._consumer: KafkaConsumer | None = None
        self._thread = Thread(target=self._main, name=f"consumer {membership.group}", daemon=True)

    # --- For the lane: from any thread

    def start(self) -> None:
        """Join the group and begin to read."""
        self._thread.start()

    def pause_only(self, partitions: frozenset[TopicPartition]) -> None:
        """Exactly these are paused from the next poll on."""
        self._wishes.paused = partitions

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
        self._wishes.backlog.take()

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
    def lease_until(self) -> float:
        """Until then, by ``clock``, nobody else can own this member's partitions; ``-inf``: that is not sure now."""
        return self._lease.until

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
            self._call(self._inbox.failed, refusals.told(failure, self._group))

    def _serve(self) -> None:
        consumer = self._consumer = self._connected()
        subscription = self._subscription = Subscription(
            consumer,
            self._assignor,
            self._inbox,
            self._call,
            drain_timeout=self._drain_timeout,
            lease=self._lease,
            clock=self._clock,
            log=self._log,
            bounded=self._bounded,
        )
        private_calls.receive_more_at_once(consumer)
        private_calls.keep(self._lease, consumer, self._clock)
        private_calls.prepare_anew(consumer)
        private_calls.read_while_joining(consumer)
        returning = self._returning(private_calls.whom_it_follows(consumer))
        consumer.subscribe(self._topics, listener=subscription)
        self._know_topics(consumer)
        reader = self._reading(consumer, subscription, returning)
        counted = float("-inf")
        while not self._stopping:
            reader.turn()
            self.ends = reader.ends
            if (now := self._clock()) - counted >= COUNT_SECONDS:
                self.topic_partitions = {one: len(private_calls.partitions_of(consumer, one)) for one in self._topics}
                counted = now
            self.turns += 1

    def _connected(self) -> KafkaConsumer:
        try:
            return connected(KafkaConsumer, self._connection, self._connect_timeout, **self._options)
        except KafkaTimeoutError as error:
            why = f"Kafka was there at start, and then not reached within {self._connect_timeout:g} s"
            raise KafkaNotReached(why) from error

    def _know_topics(self, consumer: KafkaConsumer) -> None:
        """Before the first poll: else the first round races the first metadata (see worker.adapters.rejoining)."""
        unknown = list(self._topics)
        while unknown and not self._stopping:
            try:
                consumer.partitions_for_topic(unknown[-1])
                unknown.pop()
            except PASSING as error:  # the broker has gone away since it was connected to
                self._log.warning("Kafka does not tell of its topics", error=type(error).__name__)
                time.sleep(TROUBLE_PAUSE)

    def _reading(self, consumer: KafkaConsumer, subscription: Subscription, returning: Returning) -> Reader:
        return Reader(
            consumer,
            subscription,
            self._assignor,
            beginnings=self._beginnings,
            rejoining=self._rejoining,
            returning=returning,
            wishes=self._wishes,
            inbox=self._inbox,
            call=self._call,
            clock=self._clock,
            log=self._log,
        )

    def _leave(self) -> None:
        if self._subscription is not None:
            self._subscription.closing.set()
        if self._consumer is None:
            return
        try:
            self._consumer.close(timeout_ms=CLOSE_MS)
        except Exception as error:  # noqa: BLE001  (the group does without this member's farewell)
            self._log.warning("the group was not left in order", error=type(error).__name__)
