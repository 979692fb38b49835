"""The worker with nothing behind it: it reads, translates and counts, in groups of its own, and sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from mappings.contract import Request
from worker import wires
from worker.adapters.connection import Connection
from worker.adapters.producer import Acknowledged, ProduceFailed
from worker.app import Worker
from worker.assumed import Assumed
from worker.config import DestinationSettings, Settings
from worker.core.records import TopicPartition
from worker.logs import Guard
from worker.runner import Runner
from worker.settings.quantities import Address

NAME: Final = "dry-run"
LOOK_EVERY: Final = 0.1  # seconds: has everything been read?
A_FREE_PORT: Final = Address("127.0.0.1", 0)
TELL_EVERY: Final = 10.0  # seconds between two lines about how far it is


def settings_for_it(settings: Settings) -> Settings:
    """The same, in groups of its own; with disabled destinations, too: now is the time to try them.

    What is a worker's own (its name in the groups, its port) stays with that one: it may run right beside this.
    """
    group = f"{settings.kafka.group}.{NAME}"
    destinations = {name: _destination(one, f"{group}.{name}") for name, one in settings.destinations.items()}
    kafka = settings.kafka.model_copy(update={"group": group, "create_topics": False, "instance_id": None})
    worker = settings.worker.model_copy(update={"admin_address": A_FREE_PORT})
    return replace(settings, kafka=kafka, worker=worker, destinations=destinations)


def _destination(one: DestinationSettings, group: str) -> DestinationSettings:
    """Nobody is asked, so nothing holds: no login, no limit, no answer that means anything else than it says."""
    mapping = replace(one.destination, login=None, meaning=None, quota=None)
    return replace(
        one, group=group, destination=mapping, policy=replace(one.policy, enabled=True, reject_guard="off", rate=None)
    )


@dataclass(frozen=True, slots=True)
class NoExchange:
    """An answer that is on its way from nowhere."""

    told: asyncio.Handle

    def cut(self) -> None:
        """It does not come."""
        self.told.cancel()


class NoTransport:
    """Asks nobody. It has no socket to do so with."""

    def __init__(self) -> None:
        self._vendor = Assumed()

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    def ask(self, request: Request, headers: Mapping[str, str], heard: wires.Heard) -> NoExchange:  # noqa: ARG002  (asks nobody)
        """What the vendor is assumed to say: soon, so that the other lanes and the clock have their turns."""
        answer = self._vendor.answer(request)
        return NoExchange(asyncio.get_running_loop().call_soon(heard, answer))


class NoProducer:
    """Writes nothing, and says that it is written."""

    def start(self) -> None: ...
    def close(self, timeout: float) -> None: ...

    def send(
        self,
        topic: str,  # noqa: ARG002  (writes nothing)
        *,
        key: bytes | None,  # noqa: ARG002  (as above)
        value: bytes | None,  # noqa: ARG002  (as above)
        headers: Sequence[tuple[str, bytes]],  # noqa: ARG002  (as above)
        ordering_key: bytes | None,  # noqa: ARG002  (as above)
        done: Callable[[Acknowledged | ProduceFailed], None],
        may_write: Callable[[], bool],  # noqa: ARG002  (as above)
    ) -> None:
        """Acknowledged soon, as a broker would."""
        asyncio.get_running_loop().call_soon(done, Acknowledged())


class DryRun(Worker):
    """``settings`` are those for it. ``until_caught_up``: it ends by itself, where the topics ended as it began."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        log: FilteringBoundLogger,
        guard: Guard,
        *,
        until_caught_up: bool,
    ) -> None:
        super().__init__(settings, connection, log.bind(dry_run=True), guard)
        self.runners: list[Runner] = []
        self._until_caught_up = until_caught_up
        self._goals: dict[str, dict[TopicPartition, int]] = {name: {} for name in settings.destinations}

    def _ours(self, destination: DestinationSettings) -> Sequence[str]:  # noqa: ARG002  (made none)
        return ()

    def _producer(self) -> wires.ProducerThread:
        return NoProducer()

    def _transport(
        self,
        destination: DestinationSettings,  # noqa: ARG002  (nobody is asked)
        may_write: Callable[[], bool],  # noqa: ARG002  (nothing is written)
    ) -> wires.Transport:
        return NoTransport()

    def _runner(self, *arguments: Any) -> Runner:
        runner = super()._runner(*arguments)
        self.runners.append(runner)
        return runner

    def _say_started(self) -> None:
        super()._say_started()
        groups = [destination.group for destination in self.settings.destinations.values()]
        self.log.warning("dry run: nothing is sent, and no dead letter is written", groups=groups)

    async def _until_stopped(
        self, lanes: list[asyncio.Task[None]], stopped: asyncio.Future[BaseException | None]
    ) -> BaseException | None:
        watch = asyncio.get_running_loop().create_task(self._watch(stopped))
        try:
            return await super()._until_stopped(lanes, stopped)
        finally:
            watch.cancel()

    async def _watch(self, stopped: asyncio.Future[BaseException | None]) -> None:
        told = asyncio.get_running_loop().time()
        while not stopped.done():
            await asyncio.sleep(LOOK_EVERY)
            if asyncio.get_running_loop().time() - told >= TELL_EVERY:
                told = asyncio.get_running_loop().time()
                self._tell()
            if self._until_caught_up and all(map(self._caught_up, self.runners)):
                stopped.set_result(None)

    def _tell(self) -> None:
        for runner in self.runners:
            read = runner.tally.consumed.total()
            self.log.info("dry run: nothing is sent", destination=runner.name, events=read)

    def _caught_up(self, runner: Runner) -> bool:
        """Each of its partitions is done with to where it ended when that was first known."""
        goals = self._goals[runner.name]
        for partition, end in runner.log_ends().items():
            goals.setdefault(partition, end)
        owned = runner.lane.standing().partitions
        reached = (partition in goals and one.committable >= goals[partition] for partition, one in owned.items())
        return runner.joined and all(reached)
