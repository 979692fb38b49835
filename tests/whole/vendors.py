"""The sandbox, served from a thread beside the test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TypeVar

from worker.sandbox.eligibility import EligibilityRule
from worker.sandbox.exchange import Destination
from worker.sandbox.faults import Rule
from worker.sandbox.record import Arrival
from worker.sandbox.server import Sandbox

T = TypeVar("T")


class Vendors:
    """The stand-ins of one test. What they are asked is asked on their own loop."""

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self._sandbox = sandbox
        self._loop = loop

    @property
    def url(self) -> str:
        return self._sandbox.url

    def put_faults(self, *rules: Rule) -> None:
        """These instead of the former ones; none: everything goes well again."""
        self.do(lambda sandbox: sandbox.put_faults(*rules))

    def put_eligibility(self, *rules: EligibilityRule) -> None:
        self.do(lambda sandbox: setattr(sandbox.wootric, "eligibility", rules))

    def release(self) -> None:
        """Whoever hangs goes on."""
        self.do(lambda sandbox: sandbox.release())

    def arrivals(self, destination: Destination, *, user: str | None = None, since: int = 0) -> list[Arrival]:
        return self.do(lambda sandbox: list(sandbox.arrivals(destination, user=user, since=since)))

    def state(self) -> dict[str, dict[str, object]]:
        """What all calls have left, without the logins."""
        return self.do(lambda sandbox: sandbox.vendors.state())

    def do(self, function: Callable[[Sandbox], T]) -> T:
        async def call() -> T:
            return function(self._sandbox)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(30)


@contextmanager
def vendors() -> Iterator[Vendors]:
    """Served until the end of the block."""
    serving = Event()
    opened: list[tuple[Sandbox, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with Sandbox() as sandbox:
            stop = asyncio.Event()
            opened.append((sandbox, asyncio.get_running_loop(), stop))
            serving.set()
            await stop.wait()
            sandbox.release()

    thread = Thread(target=asyncio.run, args=(serve(),), name="sandbox")
    thread.start()
    assert serving.wait(10), "the sandbox did not begin"
    sandbox, loop, stop = opened[0]
    try:
        yield Vendors(sandbox, loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
