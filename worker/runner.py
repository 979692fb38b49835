"""One lane on its wires: records and answers into the core, its effects carried out. The whole flow is visible here.

::

    consumer thread ── received ──▶ Lane ── take ──▶ senders ── answer ──▶ Lane ── commit ──▶ consumer thread
                                      └── produces ──▶ producer thread ── acknowledged ──▶ Lane
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.adapters.inbox import Partitions, Release
from worker.core.effects import Note, ReadSecrets, Send
from worker.core.lane import Lane
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.core.tally import Status, Tally
from worker.drains import Drains, Then
from worker.lane_log import LaneLog
from worker.last_commit import LastCommit
from worker.letters_out import LettersOut
from worker.senders import Answered, Senders
from worker.wires import Consumer, Producer, Transport

LONGEST_NAP: Final = 0.1  # seconds between two looks at the clock
LEAVING: Final = 10.0  # seconds that the group's farewell may take


@dataclass(slots=True, eq=False)
class Runner:
    """One destination's lane, its consumer and its senders. Lives on one event loop; ``clock`` is Unix seconds.

    ``reasons`` are those of the destination's mapping. ``reread`` reads its settings with what its secret files hold
    now, and the texts to be masked. ``failed`` is told when the lane cannot go on: the process must end.
    """

    name: str
    reasons: Collection[str]
    lane: Lane
    transport: Transport
    producer: Producer
    dead_letters: str  # the topic
    concurrency: int
    request_timeout: float
    drain_timeout: float
    clock: Callable[[], float]
    reread: Callable[[], tuple[object, Iterable[str]]]
    failed_with: Callable[[BaseException], None]
    log: LaneLog
    longest_nap: float = LONGEST_NAP
    consumer: Consumer = field(init=False)
    joined: bool = field(default=False, init=False)
    draining: bool = field(default=False, init=False)
    drained: bool = field(default=False, init=False)  # by a stop
    _assigned: set[TopicPartition] = field(default_factory=set, init=False)
    _senders: Senders = field(init=False)
    _drains: Drains = field(init=False)
    _paused: frozenset[TopicPartition] = field(default=frozenset(), init=False)
    _untaken: int = field(default=0, init=False)  # batches, of which records may still wait to be decoded
    _last_commit: LastCommit = field(default_factory=LastCommit, init=False)
    _letters: LettersOut = field(init=False)
    _closed: asyncio.Future[None] = field(init=False)

    def __post_init__(self) -> None:
        self._senders = Senders(self.name, self.transport, self._take, self._heard, self.failed_with)
        self._drains = Drains(self.lane, self.drain_timeout, self._close)
        self._letters = LettersOut(
            self.dead_letters, self.lane, self.producer, self.clock, self.may_write, heard=self._go_on
        )

    # --- what the metrics read (worker.scrape.LaneView)

    @property
    def tally(self) -> Tally:
        return self.lane.tally

    def status(self, _now: float) -> Status:
        return self.lane.standing()

    def log_ends(self) -> Mapping[TopicPartition, int]:
        return self.consumer.ends

    def topic_partitions(self) -> Mapping[str, int]:
        return self.consumer.topic_partitions

    # --- what the watchdog reads (worker.watched)

    @property
    def oldest_request(self) -> float | None:
        """When the oldest request that is under way was taken."""
        return self._senders.oldest

    @property
    def oldest_letter(self) -> float | None:
        """Since when the producer has the oldest dead letter that it has not answered for."""
        return self._letters.oldest

    @property
    def leaving(self) -> bool:
        """Partitions are on their way out, or all of it is."""
        return self.draining or bool(self._drains)

    # --- life

    async def run(self) -> None:
        """Serve until ``stop``, or until cancelled."""
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        await self.transport.open()
        self._senders.start(self.concurrency)
        self.consumer.start()
        try:
            await self._keep_time()
        finally:
            self._senders.end()
            await self.transport.close()

    async def _keep_time(self) -> None:
        """Whatever the clock asks for: sleepers, probes, commits, the drain's bound."""
        while not self._closed.done():
            now = self.clock()
            self.lane.lease_until = self.consumer.lease_until  # also where every sender is at work, and none takes
            self.lane.share(self.consumer.topic_partitions, now)
            self.lane.tick(now)
            self.log.flush(now)
            self._go_on(now)
            self._commit(now)
            due = self.lane.wake_at(now)
            nap = self.longest_nap if due is None else min(max(due - now, 0.0), self.longest_nap)
            await asyncio.wait([self._closed], timeout=nap)

    def _commit(self, now: float) -> None:
        positions = self.lane.commit(now)
        if positions:
            self.consumer.commit(positions)

    async def stop(self) -> None:
        """Nothing new; finish what is open; commit; leave. Bounded by the drain's timeout."""
        self.draining = True
        drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def then(positions: Mapping[TopicPartition, Position]) -> None:
            self._last_commit.of(positions)
            drained.set_result(None)

        self._drain(frozenset(self._assigned), then)
        await drained
        self.drained = True
        await self._last_commit.until_said(self.consumer.commit)
        self.consumer.close()
        await asyncio.wait([self._closed], timeout=LEAVING)
        if not self._closed.done():
            self._closed.set_result(None)

    def park(self) -> int:
        """A person's decision: what keeps failing becomes dead letters now. How many events that are."""
        parked = self.lane.park()
        self._go_on(self.clock())
        return parked

    # --- requests

    def may_write(self) -> bool:
        """Whether the partitions are surely still this worker's: asked last before anything is written."""
        return self.clock() < self.consumer.lease_until

    def _take(self, most: int) -> list[Send]:
        now = self.clock()
        self.lane.lease_until = self.consumer.lease_until
        sends: list[Send] = []
        while len(sends) < most:
            effects = self.lane.take(now, most - len(sends))
            sends += (effect for effect in effects if isinstance(effect, Send))
            if not (effects and isinstance(effects[-1], ReadSecrets)):
                break
            settings, secrets = self.reread()
            self.lane.secrets(settings, secrets, now)
        return sends

    def _heard(self, answers: Sequence[Answered]) -> None:
        now = self.clock()
        self.lane.answer(answers, now)
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        """After any input: senders get what may be sent now, and what is not a request is carried out."""
        self._senders.wake()
        self._after(now)

    def _after(self, now: float) -> None:
        """Carry out what is not a request: dead letters, pauses, log lines, the end of a drain."""
        for produce in self.lane.produces(now):
            self._letters.send(produce)
        if self.lane.notes:
            for note in self.lane.notes:
                self.log.tell(note, now)
            self.lane.notes.clear()
        paused = self.lane.paused()
        if paused != self._paused:
            self._paused = paused
            self.consumer.pause_only(paused)
        if self._untaken and self.lane.hungry:
            for _ in range(self._untaken):
                self.consumer.taken()
            self._untaken = 0
        if self._drains:
            self._drains.look(now)

    # --- the consumer's words (worker.adapters.inbox.Inbox)

    def assigned(self, partitions: Sequence[Assigned]) -> None:
        self.joined = True
        self.tally.rebalances += bool(partitions)
        self.tally.metadata_ignored = self.consumer.metadata_ignored
        self._assigned.update(one.partition for one in partitions)
        self.lane.assign(partitions)
        if self.draining:
            self.lane.revoke(one.partition for one in partitions)
        self._go_on(self.clock())

    def received(
        self, batch: Mapping[TopicPartition, Sequence[Record]], positions: Mapping[TopicPartition, int]
    ) -> None:
        now = self.clock()
        self.lane.receive(batch, positions, now)
        if batch:
            self._untaken += 1
        self._go_on(now)

    def revoking(self, partitions: Partitions, release: Release) -> None:
        # A stop that comes first takes the positions; what it could not commit yet is committed with the release, since
        # afterwards the partitions are no longer this member's to commit.
        self._drain(
            partitions, lambda positions: release.done({**self._last_commit.hand_over(partitions), **positions})
        )

    def lost(self, partitions: Partitions) -> None:
        self._assigned -= partitions
        self._last_commit.hand_over(partitions)
        self.lane.lose(partitions)
        self._go_on(self.clock())

    def committed(self, positions: Mapping[TopicPartition, Position], error: str | None) -> None:
        self.lane.committed(positions, error)
        if error is not None:
            self.log.tell(Note("warning", "commit failed", fields={"error": error}), self.clock())
        self._last_commit.answered(positions, error)

    def lost_to_retention(self, partition: TopicPartition, first: int, until: int) -> None:
        self.lane.retention_took(partition, first, until)
        self._go_on(self.clock())

    def failed(self, error: BaseException) -> None:
        self.failed_with(error)

    def closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    # --- drains

    def _drain(self, partitions: frozenset[TopicPartition], then: Then) -> None:
        def let_go(positions: Mapping[TopicPartition, Position]) -> None:
            self._assigned -= partitions
            then(positions)

        now = self.clock()
        self._drains.begin(partitions, now, let_go)
        self._go_on(now)

    def _close(self, partitions: frozenset[TopicPartition]) -> None:
        """What is on the wire for these is closed, and heard by the lane as cut."""
        self._senders.cut(
            lambda send: send.conversation is not None and send.conversation.user.assignment.partition in partitions
        )
