"""One timer for everything that must end the same time after it began.

A timer for each request, as aiohttp and ``asyncio.timeout`` have, costs a tenth of what a whole request does.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol, Self


class Expiring(Protocol):
    """What a deadline is kept for."""

    def expire(self) -> None:
        """It took too long."""


class Deadlines:
    """Hands out the limits. They fall due in the order in which they began, so only the oldest needs a timer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None  # kept: to ask for the running one is a system call
        self._open: dict[Expiring, float] = {}  # in order of their due times
        self._armed = False

    def limit(self) -> Limit:
        """A ``with`` block that ends with ``TimeoutError`` when it takes too long."""
        return Limit(self)

    def began(self, limit: Expiring) -> None:
        """From now on; to be ended once."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._open[limit] = loop.time() + self._seconds
        if not self._armed:
            self._armed = True
            loop.call_later(self._seconds, self._look, loop)

    def ended(self, limit: Expiring) -> None:
        """In time, or not."""
        self._open.pop(limit, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._open:
            limit, due = next(iter(self._open.items()))
            if due > now:
                loop.call_later(due - now, self._look, loop)
                return
            del self._open[limit]
            limit.expire()
        self._armed = False


class Limit:
    """One block's limit, to be entered once. A cancellation that comes from elsewhere stays one."""

    __slots__ = ("_cancelling", "_deadlines", "_expired", "_task")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._expired = False
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a limit needs a task")
        self._cancelling = self._task.cancelling()
        self._deadlines.began(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.ended(self)
        if not self._expired or self._task is None:
            return
        # As asyncio.timeout does it: ours only if nobody else has asked for a cancellation since.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Called by the deadlines: it took too long."""
        self._expired = True
        if self._task is not None:
            self._task.cancel()
