"""Which partitions a consumer owns, what happens when they come and go, and their commits.

Everything here but ``begin`` runs on kafka-python's I/O thread; rebalances do so while the consumer's own thread waits
inside ``poll()`` or ``close()``. So a drain holds up this member's rebalance and nothing else: heartbeats go on, and
the partitions that stay are committed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from threading import Event
from typing import Any

from kafka import AsyncConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    KafkaError,
    KafkaTimeoutError,
    RetriableError,
    UnknownTopicOrPartitionError,
)
from kafka.future import Future

from worker.adapters import private_calls
from worker.adapters.assignor import Assignor
from worker.adapters.connection import Log
from worker.adapters.inbox import Inbox, Release
from worker.adapters.lease import Lease
from worker.core.records import Position, TopicPartition

Positions = Mapping[TopicPartition, Position]
# What must have ended in so many seconds, and whether it has: else the process ends (see worker.watchdog).
Bounded = Callable[[str, float, Callable[[], bool]], object]

COMMIT_SECONDS = 5.0
# How much longer than the lane's own bound a drain may take: the lane keeps its bound by a timer, this is for a loop
# that hangs. Then the process ends; where it was only stopped for so long itself, its partitions are let go.
GRACE_SECONDS = 5.0
RETRY_SECONDS = 0.2


def ours(partitions: Collection[KafkaPartition]) -> frozenset[TopicPartition]:
    """The core's own named tuples, equal to kafka-python's."""
    return frozenset(TopicPartition(*partition) for partition in partitions)


class Subscription(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """The rebalance listener of one consumer.

    ``fresh``: assigned, paused, and not begun yet. ``begun``: owned, and known to the lane. ``fatal``: an error after
    which this member must end. Set ``closing`` before the consumer is closed: nothing is drained then.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        assignor: Assignor,
        inbox: Inbox,
        call: Callable[..., object],
        *,
        drain_timeout: float,
        lease: Lease,
        clock: Callable[[], float],
        log: Log,
        bounded: Bounded,
    ) -> None:
        self.fresh: frozenset[KafkaPartition] = frozenset()
        self.begun: frozenset[KafkaPartition] = frozenset()
        self.fatal: BaseException | None = None
        self.closing = Event()
        self._consumer = consumer
        self._assignor = assignor
        self._inbox = inbox
        self._call = call
        self._drain_timeout = drain_timeout
        self._lease = lease
        self._clock = clock
        self._log = log
        self._bounded = bounded
        self._commits: Future = Future().success(None)
        self._draining: Future | None = None

    def begin(self, partitions: frozenset[KafkaPartition]) -> None:
        """They have their place, and the lane knows them. On the consumer's thread, between two polls."""
        self.fresh, self.begun = self.fresh - partitions, self.begun | partitions

    # --- Rebalances

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        """Nothing of theirs may be read before they have their place: the consumer's thread looks it up."""
        self._consumer.pause(*assigned)
        self.fresh |= frozenset(assigned)

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        """Let the lane finish, commit what it says, and let go."""
        leaving = self.begun & frozenset(revoked)
        if leaving and not self.closing.is_set():
            self._log.info("partitions are revoked", partitions=_names(leaving))
            positions = await self._drain(leaving)
            await self._commit_last(positions)
        self._drop(revoked)

    async def on_partitions_lost(self, lost: Collection[KafkaPartition]) -> None:
        """Another member may own them by now: commit nothing, and claim nothing at the next join."""
        leaving = self.begun & frozenset(lost)
        self._assignor.forget()
        self._drop(lost)
        if leaving and not self.closing.is_set():
            self._log.warning("partitions are lost: the group went on without this member", partitions=_names(leaving))
            self._call(self._inbox.lost, ours(leaving))

    async def _drain(self, leaving: frozenset[KafkaPartition]) -> Positions:
        draining = self._draining = Future()
        if self.closing.is_set():  # since it was looked at: nobody would finish this one
            return {}
        self._call(self._inbox.revoking, ours(leaving), Release(self._finisher(draining)))
        seconds = self._drain_timeout + GRACE_SECONDS
        self._bounded(f"the drain of {', '.join(_names(leaving))}", seconds, lambda: bool(draining.is_done))
        try:
            positions: Positions = await private_calls.wait_for(self._consumer, draining, seconds + GRACE_SECONDS)
        except KafkaTimeoutError:
            self._log.error("the drain did not end; its partitions are let go", partitions=_names(leaving))
            return {}
        else:
            return positions

    async def _commit_last(self, positions: Positions) -> None:
        """What is not committed now, the next owner does again: so more than one attempt, within the grace."""
        deadline = time.monotonic() + GRACE_SECONDS
        while positions and _may_pass(await self.commit(positions)) and time.monotonic() < deadline:
            await private_calls.sleep(self._consumer, RETRY_SECONDS)

    def _finisher(self, draining: Future) -> Callable[[Positions], None]:
        return lambda positions: private_calls.finish(self._consumer, draining, positions)

    def stop_draining(self) -> None:
        """Let a rebalance that waits for the lane go on with nothing. From any thread."""
        if self._draining is not None:
            private_calls.finish(self._consumer, self._draining, {})

    def _drop(self, partitions: Collection[KafkaPartition]) -> None:
        gone = frozenset(partitions)
        self.fresh, self.begun = self.fresh - gone, self.begun - gone

    # --- Commits

    async def commit(self, positions: Positions) -> BaseException | None:
        """Commit after those before it, and tell the lane how it went."""
        previous, self._commits = self._commits, Future()
        finished = self._commits
        await previous  # never an older one after a newer
        # The group takes a commit for any partition from any member: one let go meanwhile has a new owner's commit.
        kept = {partition: position for partition, position in positions.items() if partition in self.begun}
        error = await self._try(kept)
        self._call(self._inbox.committed, kept, None if error is None else type(error).__name__)
        finished.success(None)
        return error

    async def _try(self, positions: Positions) -> BaseException | None:
        offsets = {
            KafkaPartition(*partition): OffsetAndMetadata(position.offset, position.metadata, -1)
            for partition, position in positions.items()
        }
        sent = self._clock()
        try:
            await private_calls.commit(self._consumer, offsets, COMMIT_SECONDS)
        except Exception as error:  # noqa: BLE001  (nothing may end here unheard: the consumer's thread raises it)
            # A fenced member goes on receiving records and heartbeats in vain: only a commit tells.
            if isinstance(error, FencedInstanceIdError | AuthorizationError) or not isinstance(error, KafkaError):
                self.fatal = error
            if isinstance(error, FencedInstanceIdError):
                self._lease.end()
            return error
        if offsets:  # else nothing was sent
            self._lease.renew(sent)
        return None


def _may_pass(error: BaseException | None) -> bool:
    # A partition that is not there was deleted, with all that was committed of it; the others' commits were taken.
    return isinstance(error, RetriableError) and not isinstance(error, UnknownTopicOrPartitionError)


def _names(partitions: Collection[Any]) -> list[str]:
    return sorted(f"{partition.topic}/{partition.partition}" for partition in partitions)
