"""The worker with a trap in it: when a named point is passed for the n-th time, something happens to the process.

``python -m tests.whole.rigged run --config FILE POINT N DEED``. What passes the points is the real worker with its real
adapters; each adapter is inside one that looks who comes by. A log line is a point as well, passed by the thread that
writes it. The watchdog has less patience than usual.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NoReturn

from structlog.typing import FilteringBoundLogger

from mappings.contract import Request, Response
from worker import wires
from worker.adapters.connection import Connection
from worker.adapters.inbox import Inbox, Partitions, Release
from worker.adapters.producer import Acknowledged, Produced
from worker.app import Worker, serve
from worker.config import DestinationSettings, Settings, connection_of, load, secrets_of
from worker.core.faults import Fault
from worker.core.progress import Sight
from worker.core.records import Position, TopicPartition
from worker.logs import Guard, set_up
from worker.start import prepare
from worker.watchdog import Watchdog

Positions = Mapping[TopicPartition, Position]
Point = Literal[
    "assigned",  # partitions have begun; no record of theirs was handled
    "polled",  # records are here, the lane has not seen them
    "before a request",
    "after an answer",  # the vendor's answer is here, the lane has not heard it
    "before a dead letter",
    "after a dead letter",  # the broker has it, the lane has not heard so
    "before a commit",
    "after a commit",  # the broker has it, the lane has not heard so
    "revoked",  # partitions are to leave, the lane has not heard so
    "drained",  # flows are finished, and their last commit has not begun
    "commit of a stop",
    "before leaving",  # a stop has committed
]
Line = Literal["partitions are assigned", "a record was not produced"]  # by the consumer's thread, by the producer's
Deed = Literal["die", "hang", "fail"]


PATIENCE = 2.0  # seconds
WORDS = "a bug that quotes ann@example.com"


class Trap:
    """Passed by any thread."""

    def __init__(self, point: str, passages: int, deed: str, log: FilteringBoundLogger) -> None:
        self._point = point
        self._left = passages
        self._deeds: Mapping[str, Callable[[], NoReturn]] = {"die": die, "hang": hang, "fail": fail}
        self._deed = deed
        self._log = log
        self._lock = Lock()

    def passed(self, point: Point | Line) -> None:
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._log.info("trapped", point=point, at=time.time())
        self._deeds[self._deed]()


def die() -> NoReturn:
    """No farewell, nothing flushed: what a lost machine looks like."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def hang() -> NoReturn:
    """For ever, and whoever waits for this thread does so as well."""
    while True:
        time.sleep(3600)


def fail() -> NoReturn:
    raise RuntimeError(WORDS)


class Log:
    def __init__(self, inner: Any, trap: Trap) -> None:
        self._inner = inner
        self._trap = trap

    def __getattr__(self, level: str) -> Any:
        def write(line: Any, **fields: Any) -> None:
            getattr(self._inner, level)(line, **fields)
            self._trap.passed(line)

        return write

    def bind(self, **fields: Any) -> Log:
        return Log(self._inner.bind(**fields), self._trap)


class Transport:
    def __init__(self, inner: wires.Transport, trap: Trap) -> None:
        self._inner = inner
        self._trap = trap
        self.open = inner.open
        self.close = inner.close

    def ask(self, request: Request, headers: Mapping[str, str], heard: wires.Heard) -> wires.Exchange:
        def told(answer: Response | Fault) -> None:
            self._trap.passed("after an answer")
            heard(answer)

        self._trap.passed("before a request")
        return self._inner.ask(request, headers, told)


class Producer:
    def __init__(self, inner: wires.ProducerThread, trap: Trap) -> None:
        self._inner = inner
        self._trap = trap
        self.start = inner.start
        self.close = inner.close

    def send(self, topic: str, *, done: Callable[[Produced], None], **letter: Any) -> None:
        def told(result: Produced) -> None:
            if isinstance(result, Acknowledged):
                self._trap.passed("after a dead letter")
            done(result)

        self._trap.passed("before a dead letter")
        self._inner.send(topic, done=told, **letter)


class Consumer:
    """``stopping``: whether the lane has been told to stop."""

    def __init__(
        self, inner: wires.Consumer, trap: Trap, log: FilteringBoundLogger, stopping: Callable[[], bool]
    ) -> None:
        self._inner = inner
        self._trap = trap
        self._log = log
        self._stopping = stopping

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, positions: Positions) -> None:
        self._trap.passed("commit of a stop" if self._stopping() else "before a commit")
        self._log.info("commit begins", at=time.time())
        self._inner.commit(positions)

    def close(self) -> None:
        self._trap.passed("before leaving")
        self._inner.close()


class Told:
    """The lane's inbox."""

    def __init__(self, inner: Inbox, trap: Trap, log: FilteringBoundLogger) -> None:
        self._inner = inner
        self._trap = trap
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def assigned(self, partitions: Any) -> None:
        self._trap.passed("assigned")
        self._inner.assigned(partitions)

    def received(self, batch: Any, positions: Any) -> None:
        if batch:
            self._trap.passed("polled")
        self._inner.received(batch, positions)

    def revoking(self, partitions: Partitions, release: Release) -> None:
        def done(positions: Positions) -> None:
            self._trap.passed("drained")
            release.done(positions)

        self._trap.passed("revoked")
        self._inner.revoking(partitions, Release(done))

    def committed(self, positions: Positions, error: str | None) -> None:
        if error is None and positions:
            self._log.info("commit succeeded")
            self._trap.passed("after a commit")
        self._inner.committed(positions, error)


class Rigged(Worker):
    def __init__(
        self, settings: Settings, connection: Connection, log: FilteringBoundLogger, guard: Guard, *, trap: Trap
    ) -> None:
        written: Any = Log(log, trap)
        super().__init__(settings, connection, written, guard)
        self.trap = trap

    def _watchdog(self, loop: asyncio.AbstractEventLoop, look: Callable[[], Mapping[str, Sight]]) -> Watchdog:
        return Watchdog(loop, look, self.log, patience=PATIENCE)

    def _producer(self, *given: Any) -> wires.ProducerThread:
        return Producer(super()._producer(*given), self.trap)

    def _transport(self, *given: Any) -> wires.Transport:
        return Transport(super()._transport(*given), self.trap)

    def _consumer(self, destination: DestinationSettings, inbox: Any, *given: Any) -> Any:
        told: Any = Told(inbox, self.trap, self.log)
        return Consumer(super()._consumer(destination, told, *given), self.trap, self.log, lambda: inbox.draining)


def main(config: str, point: str, passages: str, deed: str) -> int:
    settings = load(Path(config), os.environ)
    guard = Guard(secrets_of(settings))
    log = set_up(settings.worker.log_format, settings.worker.log_level, guard)
    connection = connection_of(settings)
    prepare(settings, connection, log)
    trap = Trap(point, int(passages), deed, log)
    return serve(Rigged(settings, connection, log, guard, trap=trap))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[3:]))
