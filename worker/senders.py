"""A fixed number of long-lived senders: a task an event would cost more than the event."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mappings.contract import Response
from worker.core.effects import Send
from worker.core.faults import Fault, FaultKind
from worker.wires import Transport

CUT: Final = Fault(FaultKind.CUT, written=True, detail="cut at the drain's bound")


@dataclass(slots=True, eq=False)
class Senders:
    """``take`` gives the next request, or nothing; ``heard`` is told what came of it, and wakes others as it sees fit.

    ``failed`` is told of any exception: a lane that lost a sender must not go on half-alive.
    """

    name: str
    transport: Transport
    take: Callable[[], Send | None]
    heard: Callable[[Send, Response | Fault], None]
    failed: Callable[[BaseException], None]
    _idle: deque[asyncio.Future[Send]] = field(default_factory=deque, init=False)
    _tasks: dict[asyncio.Task[None], Send | None] = field(default_factory=dict, init=False)
    _ending: bool = field(default=False, init=False)

    def start(self, count: int) -> None:
        """So many of them; each asks for its first request."""
        loop = asyncio.get_running_loop()
        self._tasks = {loop.create_task(self._serve(), name=f"{self.name} sender"): None for _ in range(count)}

    async def end(self) -> None:
        """Close what is under way."""
        self._ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def oldest(self) -> float | None:
        """When the oldest request under way was taken."""
        return min((send.sent for send in self._tasks.values() if send is not None), default=None)

    def wake(self) -> None:
        """Somebody may be ready: give idle senders what there is."""
        idle = self._idle
        while idle:
            if idle[-1].done():
                idle.pop()
                continue
            send = self.take()
            if send is None:
                return
            idle.pop().set_result(send)

    def cut(self, concerns: Callable[[Send], bool]) -> None:
        """Close the connections of these requests; they are heard as cut."""
        for task, send in self._tasks.items():
            if send is not None and concerns(send):
                task.cancel()

    async def _serve(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a sender is a task)
        try:
            while True:
                send = self.take() or await self._wait()
                self._tasks[task] = send
                answer = await self._send(task, send)
                self._tasks[task] = None
                self.heard(send, answer)
        except BaseException as error:  # whatever it is, the process must end with it
            if not self._ending:
                self.failed(error)
            raise

    def _wait(self) -> asyncio.Future[Send]:
        waiter: asyncio.Future[Send] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        return waiter

    async def _send(self, task: asyncio.Task[None], send: Send) -> Response | Fault:
        try:
            return await self.transport.send(send.request, send.headers)
        except asyncio.CancelledError:
            if self._ending:
                raise
            task.uncancel()  # this request was cut; the sender itself goes on
            return CUT
