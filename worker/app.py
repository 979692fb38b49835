"""Builds everything once, runs the lanes, stops them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NoReturn

import uvloop
from structlog.typing import FilteringBoundLogger

from worker import strays, wires
from worker.adapters.admin import Admin
from worker.adapters.connection import Connection
from worker.adapters.consumer import Consumer, Membership
from worker.adapters.inbox import Inbox
from worker.adapters.producer import Producer
from worker.build import build
from worker.clock import steady_clock
from worker.commands.exits import Exit
from worker.config import DestinationSettings, Settings, SetupError, connection_of, secrets_of
from worker.core.lane import Lane
from worker.core.progress import Sight
from worker.exposition import registry
from worker.lane_log import LaneLog
from worker.logs import Guard, set_up
from worker.memory import give_back_forever, settle_down
from worker.runner import LONGEST_NAP, Runner
from worker.secret_files import SecretFiles, secrets_in
from worker.start import prepare
from worker.stopping import AFTER_THE_DRAIN, CLOSING, exit_code, heed_signals
from worker.watchdog import Watchdog
from worker.watched import sights, unready
from worker.ways_out import way_out


def run(settings: Settings) -> int:
    """The worker, until SIGTERM or SIGINT; the exit code. Raises SetupError, KafkaNotReached."""
    guard = Guard(secrets_of(settings))
    log = set_up(settings.worker.log_format, settings.worker.log_level, guard)
    connection = connection_of(settings)
    signal.signal(signal.SIGTERM, leave_at_once)
    prepare(settings, connection, log)
    return serve(Worker(settings, connection, log, guard))


def serve(worker: Worker) -> int:
    """Run it on an event loop; its exit code."""
    settle_down()
    return uvloop.run(worker.run())


def leave_at_once(_number: int, _frame: object) -> NoReturn:
    """Told to stop while Kafka is still waited for: there is nothing to finish. (Process 1 has no default for it.)

    Not by SystemExit: kafka-python catches it where it happens to be raised, and the worker went on, for good.
    """
    os._exit(Exit.OK)


@dataclass(slots=True, eq=False)
class Worker:
    """One process: a lane for each destination, one producer, one admin port."""

    settings: Settings
    connection: Connection
    log: FilteringBoundLogger
    guard: Guard

    async def run(self) -> int:
        """Serve until told to stop; 0 after a clean stop, 2 or 70 when a lane cannot go on."""
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[BaseException | None] = loop.create_future()

        def stop(error: BaseException | None) -> None:
            if not stopped.done():
                stopped.set_result(error)

        strays.catch(self.log, loop, stop)
        producer = self._producer()
        producer.start()
        clock = steady_clock()
        runners: list[Runner] = []
        dog = self._watchdog(loop, lambda: sights(runners, clock()))
        runners += [self._runner(one, producer, clock, stop, dog) for one in self.settings.destinations.values()]
        heed_signals(loop, stop, runners, dog, self.settings.worker.drain_timeout)
        dog.start()
        async with AsyncExitStack() as stack:
            await self._admin(runners, clock, dog, stack)
            stack.callback(loop.create_task(give_back_forever()).cancel)
            lanes = [loop.create_task(runner.run(), name=runner.name) for runner in runners]
            self._say_started()
            error = await self._until_stopped(lanes, stopped)
            if error is None:
                self.log.info("stopping: finishing what is under way")
                await asyncio.gather(*(runner.stop() for runner in runners))
                await asyncio.gather(*lanes)
            else:
                dog.bounded("the end", AFTER_THE_DRAIN, lambda: False)
                await self._abandon(lanes)
        await asyncio.to_thread(producer.close, CLOSING)
        return exit_code(error, self.log)

    def _say_started(self) -> None:
        names = [*self.settings.destinations]
        self.log.info("started", destinations=names, version=version("segment-relay"), build=build())
        for name, destination in self.settings.destinations.items():
            if not destination.policy.enabled:
                self.log.info("disabled: it keeps its place, and nothing is sent", destination=name)

    async def _until_stopped(
        self, lanes: list[asyncio.Task[None]], stopped: asyncio.Future[BaseException | None]
    ) -> BaseException | None:
        """The error that ends the process, or ``None`` for a clean stop. A lane that dies takes the process along."""
        both: list[asyncio.Future[Any]] = [stopped, *lanes]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return stopped.result()
        dead = next(lane for lane in lanes if lane.done())
        return dead.exception() or RuntimeError(f"the lane {dead.get_name()} has ended")

    async def _abandon(self, lanes: Iterable[asyncio.Task[None]]) -> None:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    def _watchdog(self, loop: asyncio.AbstractEventLoop, look: Callable[[], Mapping[str, Sight]]) -> Watchdog:
        return Watchdog(loop, look, self.log)

    async def _admin(
        self, runners: list[Runner], clock: Callable[[], float], dog: Watchdog, stack: AsyncExitStack
    ) -> None:
        address = self.settings.worker.admin_address
        metrics = registry(runners, clock)
        park = {runner.name: runner.park for runner in runners}
        admin = Admin(address.host, address.port, metrics, lambda: unready(runners), dog.stuck, park)
        try:
            await admin.open()
        except OSError as error:
            raise SetupError([f"worker.admin_address: {address} cannot be listened on ({error.strerror})"]) from None
        stack.push_async_callback(admin.close)
        self.log.info("admin endpoint", address=f"{address.host}:{admin.port}")

    def _runner(
        self,
        destination: DestinationSettings,
        producer: wires.Producer,
        clock: Callable[[], float],
        stop: Callable[[BaseException | None], None],
        dog: Watchdog,
    ) -> Runner:
        def may_write() -> bool:
            return runner.may_write()

        runner = Runner(
            name=destination.name,
            reasons=destination.destination.reasons,
            lane=self._lane(destination),
            transport=self._transport(destination, may_write),
            producer=producer,
            dead_letters=destination.dead_letters,
            concurrency=destination.policy.most_open,
            request_timeout=destination.request_timeout,
            drain_timeout=self.settings.worker.drain_timeout,
            clock=clock,
            reread=SecretFiles(self.settings, destination.name, self.guard, self.log),
            failed_with=stop,
            log=LaneLog(self.log, destination.name),
            # A third of the time for which a slot can be used: what comes while nothing waits is not to miss its slot.
            longest_nap=LONGEST_NAP if (rate := destination.policy.rate) is None else min(LONGEST_NAP, rate.late / 3),
        )
        runner.consumer = self._consumer(destination, runner, clock, dog)
        return runner

    def _lane(self, destination: DestinationSettings) -> Lane:
        return Lane(
            destination.destination,
            destination.mapping_settings,
            destination.policy,
            random=random.random,
            version=version("segment-relay"),
            commit_interval=self.settings.worker.commit_interval,
            secrets=frozenset(secrets_in(destination.mapping_settings)),
        )

    def _consumer(
        self, destination: DestinationSettings, inbox: Inbox, clock: Callable[[], float], dog: Watchdog
    ) -> wires.Consumer:
        kafka = self.settings.kafka
        return Consumer(
            self.connection,
            Membership(
                group=destination.group,
                instance_id=kafka.instance_id,
                session_timeout=kafka.session_timeout,
                heartbeat_interval=kafka.heartbeat_interval,
                max_poll_interval=kafka.max_poll_interval,
            ),
            topics=kafka.topics,
            ours=self._ours(destination),
            inbox=inbox,
            call=asyncio.get_running_loop().call_soon_threadsafe,
            start_at=destination.start_at,
            drain_timeout=self.settings.worker.drain_timeout,
            log=self.log.bind(destination=destination.name),
            bounded=dog.bounded,
            clock=clock,
        )

    def _ours(self, destination: DestinationSettings) -> Sequence[str]:
        """Topics that this worker made for itself to read."""
        return (destination.replay,)

    def _producer(self) -> wires.ProducerThread:
        return Producer(self.connection, call=asyncio.get_running_loop().call_soon_threadsafe, log=self.log)

    def _transport(self, destination: DestinationSettings, may_write: Callable[[], bool]) -> wires.Transport:
        return way_out(destination, destination.policy.most_open, may_write)
