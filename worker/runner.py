"""One lane on its wires: records and answers into the core, its effects carried out. The whole flow is visible here.

::

    consumer thread ── received ──▶ Lane ── take ──▶ senders ── answer ──▶ Lane ── commit ──▶ consumer thread
                                      └── produces ──▶ producer thread ── acknowledged ──▶ Lane
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from mappings.contract import Request, Response
from worker.adapters.inbox import Partitions, Release
from worker.adapters.producer import Acknowledged, ProduceFailed
from worker.core.effects import Note, ReadSecrets, Send
from worker.core.faults import Fault, FaultKind
from worker.core.lane import Lane
from worker.core.letters import DeadLetter, Produce
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.core.tally import Status, Tally
from worker.lane_log import LaneLog

LONGEST_NAP: Final = 0.1  # seconds between two looks at the clock
LEAVING: Final = 10.0  # seconds that the last commit and the leave may take
CUT: Final = Fault(FaultKind.RESET, written=True, detail="cut at the drain's bound")


class Transport(Protocol):
    """Requests out, answers in."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def send(self, request: Request, headers: Mapping[str, str]) -> Response | Fault: ...


class Consumer(Protocol):
    """The lane's consumer; its calls may come from any thread."""

    ends: Mapping[TopicPartition, int]

    @property
    def metadata_ignored(self) -> int: ...
    def start(self) -> None: ...
    def pause_only(self, partitions: frozenset[TopicPartition]) -> None: ...
    def commit(self, positions: Mapping[TopicPartition, Position]) -> None: ...
    def taken(self) -> None: ...
    def close(self) -> None: ...


class Producer(Protocol):
    """Dead letters out; ``done`` is called on the loop."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        ordering_key: bytes | None,
        done: Callable[[Acknowledged | ProduceFailed], None],
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Leaving:
    """Partitions whose flows are being finished, until ``deadline``; then ``then`` gets their last positions."""

    partitions: frozenset[TopicPartition]
    deadline: float
    then: Callable[[Mapping[TopicPartition, Position]], None]


@dataclass(slots=True, eq=False)
class Runner:
    """One destination's lane, its consumer and its senders. Lives on one event loop; ``clock`` is Unix seconds.

    ``reread`` reads the destination's settings with what its secret files hold now, and the texts to be masked.
    ``failed`` is told when the lane cannot go on: the process must end.
    """

    name: str
    lane: Lane
    transport: Transport
    producer: Producer
    dead_letters: str  # the topic
    concurrency: int
    drain_timeout: float
    clock: Callable[[], float]
    reread: Callable[[], tuple[object, Iterable[str]]]
    failed_with: Callable[[BaseException], None]
    log: LaneLog
    consumer: Consumer = field(init=False)
    joined: bool = field(default=False, init=False)
    draining: bool = field(default=False, init=False)
    _assigned: set[TopicPartition] = field(default_factory=set, init=False)
    _idle: deque[asyncio.Future[Send]] = field(default_factory=deque, init=False)
    _senders: dict[asyncio.Task[None], Send | None] = field(default_factory=dict, init=False)
    _leaving: list[_Leaving] = field(default_factory=list, init=False)
    _paused: frozenset[TopicPartition] = field(default=frozenset(), init=False)
    _last: asyncio.Future[None] | None = field(default=None, init=False)
    _closed: asyncio.Future[None] = field(init=False)
    _ending: bool = field(default=False, init=False)

    # --- what the metrics read (worker.scrape.LaneView)

    @property
    def tally(self) -> Tally:
        return self.lane.tally

    def status(self, _now: float) -> Status:
        return self.lane.standing()

    def log_ends(self) -> Mapping[TopicPartition, int]:
        return self.consumer.ends

    # --- life

    async def run(self) -> None:
        """Serve until ``stop``, or until cancelled."""
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        await self.transport.open()
        self._senders = {
            loop.create_task(self._serve(), name=f"{self.name} sender"): None for _ in range(self.concurrency)
        }
        self.consumer.start()
        try:
            await self._keep_time()
        finally:
            self._ending = True
            for sender in self._senders:
                sender.cancel()
            await asyncio.gather(*self._senders, return_exceptions=True)
            await self.transport.close()

    async def _keep_time(self) -> None:
        """Whatever the clock asks for: sleepers, probes, commits, the drain's bound."""
        while not self._closed.done():
            now = self.clock()
            self.lane.tick(now)
            self.log.flush(now)
            self._go_on(now)
            self._commit(now)
            due = self.lane.wake_at(now)
            nap = LONGEST_NAP if due is None else min(max(due - now, 0.0), LONGEST_NAP)
            await asyncio.wait([self._closed], timeout=nap)

    def _commit(self, now: float) -> None:
        positions = self.lane.commit(now)
        if positions:
            self.consumer.commit(positions)

    async def stop(self) -> None:
        """Nothing new; finish what is open; commit; leave. Bounded by the drain's timeout."""
        self.draining = True
        loop = asyncio.get_running_loop()
        drained: asyncio.Future[Mapping[TopicPartition, Position]] = loop.create_future()
        self._drain(frozenset(self._assigned), drained.set_result)
        await self._commit_last(await drained)
        self.consumer.close()
        await asyncio.wait([self._closed], timeout=LEAVING)
        if not self._closed.done():
            self._closed.set_result(None)

    async def _commit_last(self, positions: Mapping[TopicPartition, Position]) -> None:
        if positions:
            self._last = asyncio.get_running_loop().create_future()
            self.consumer.commit(positions)
            await asyncio.wait([self._last], timeout=LEAVING)

    # --- senders

    async def _serve(self) -> None:
        """One of a fixed number of long-lived senders: a task an event would cost more than the event."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        try:
            while True:
                send = self._take() or await self._wait_for_one()
                self._senders[task] = send
                answer = await self._send(send)
                self._senders[task] = None
                now = self.clock()
                self.lane.answer(send, answer, now)
                self._go_on(now)
        except Exception as error:  # noqa: BLE001  (whatever it is: a lane that lost a sender must not go on half-alive)
            self.failed_with(error)

    def _wait_for_one(self) -> asyncio.Future[Send]:
        waiter: asyncio.Future[Send] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        return waiter

    async def _send(self, send: Send) -> Response | Fault:
        try:
            return await self.transport.send(send.request, send.headers)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._ending or task is None:
                raise
            task.uncancel()  # the drain's bound cut this request; the sender itself goes on
            return CUT

    def _take(self) -> Send | None:
        now = self.clock()
        while True:
            effect = self.lane.take(now)
            if not isinstance(effect, ReadSecrets):
                return effect
            settings, secrets = self.reread()
            self.lane.secrets(settings, secrets, now)

    def _go_on(self, now: float) -> None:
        """After an input that may have made somebody ready: give idle senders what there is."""
        while self._idle:
            if self._idle[-1].done():
                self._idle.pop()
                continue
            send = self._take()
            if send is None:
                break
            self._idle.pop().set_result(send)
        self._after(now)

    def _after(self, now: float) -> None:
        """Carry out what is not a request: dead letters, pauses, log lines, the end of a drain."""
        for produce in self.lane.produces(now):
            self._produce(produce)
        if self.lane.notes:
            for note in self.lane.notes:
                self.log.tell(note, now)
            self.lane.notes.clear()
        paused = self.lane.paused()
        if paused != self._paused:
            self._paused = paused
            self.consumer.pause_only(paused)
        if self._leaving:
            self._let_go(now)

    # --- dead letters

    def _produce(self, produce: Produce) -> None:
        self.producer.send(
            self.dead_letters,
            key=produce.key,
            value=produce.value,
            headers=produce.headers,
            ordering_key=produce.ordering_key,
            done=lambda result: self._produced(produce.letter, result),
        )

    def _produced(self, letter: DeadLetter, result: Acknowledged | ProduceFailed) -> None:
        now = self.clock()
        match result:
            case Acknowledged():
                self.lane.acknowledged(letter, now)
            case ProduceFailed():
                self.lane.unacknowledged(letter, now, too_large=result.too_large, why=result.reason)
        self._go_on(now)

    # --- the consumer's words (worker.adapters.inbox.Inbox)

    def assigned(self, partitions: Sequence[Assigned]) -> None:
        self.joined = True
        self.tally.rebalances += 1
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
            self.consumer.taken()
        self._go_on(now)

    def revoking(self, partitions: Partitions, release: Release) -> None:
        self._drain(partitions, release.done)

    def lost(self, partitions: Partitions) -> None:
        self._assigned -= partitions
        self.lane.lose(partitions)
        self._go_on(self.clock())

    def committed(self, positions: Mapping[TopicPartition, Position], error: str | None) -> None:
        self.lane.committed(positions, error)
        if error is not None:
            self.log.tell(Note("warning", "commit failed", fields={"error": error}), self.clock())
        if self._last is not None and not self._last.done():
            self._last.set_result(None)

    def lost_to_retention(self, partition: TopicPartition, first: int, until: int) -> None:
        self.lane.retention_took(partition, first, until)
        self._go_on(self.clock())

    def failed(self, error: BaseException) -> None:
        self.failed_with(error)

    def closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    # --- drains

    def _drain(
        self, partitions: frozenset[TopicPartition], then: Callable[[Mapping[TopicPartition, Position]], None]
    ) -> None:
        now = self.clock()
        self.lane.revoke(partitions)
        self._leaving.append(_Leaving(partitions, now + self.drain_timeout, then))
        self._go_on(now)

    def _let_go(self, now: float) -> None:
        for leaving in list(self._leaving):
            late = now >= leaving.deadline
            if late or self.lane.drained(leaving.partitions):
                self._leaving.remove(leaving)
                if late:
                    self._cut(leaving.partitions)
                self._assigned -= leaving.partitions
                leaving.then(self.lane.release(leaving.partitions))

    def _cut(self, partitions: frozenset[TopicPartition]) -> None:
        """The bound of a drain: what is still on the wire is closed, and counted by the lane as possibly repeated."""
        for task, send in self._senders.items():
            flow = None if send is None else send.conversation
            if flow is not None and flow.user.assignment.partition in partitions:
                task.cancel()
