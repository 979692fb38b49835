"""One request under way: it waits for a connection, then for its turn to be written, then for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from mappings.contract import Response
from worker.adapters.http_bounds import BROKEN, NO_CONNECTION, WITHHELD
from worker.adapters.http_deadline import Deadlines
from worker.adapters.http_head import Origin
from worker.adapters.http_pool import Unconnected
from worker.adapters.http_wire import Wire
from worker.core.faults import Fault

TOGETHER: Final = 64  # requests

Heard: TypeAlias = Callable[[Response | Fault], None]


class Connections(Protocol):
    """Where connections come from (worker.adapters.http_pool)."""

    def at_once(self, origin: Origin) -> Wire | None: ...
    async def get(self, origin: Origin) -> Wire: ...
    def put_back(self, wire: Wire) -> None: ...
    def close(self) -> None: ...


class Outbox:
    """Requests that have a connection, until the event loop has heard the answers that are there: then all are written.

    One by one, each write would wake the other end (or the network's driver) for a few hundred bytes, and cost more
    than all else that a request does.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, may_write: Callable[[], bool]) -> None:
        self._loop = loop
        self._may_write = may_write
        self._waiting: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        """It is written soon."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(exchange)
        if len(self._waiting) >= TOGETHER:
            self._flush()

    def now(self, exchange: Exchange) -> None:
        """Its connection was looked at just now: it may be closed again by the next turn of the loop."""
        self._send([exchange])

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._send(waiting)

    def _send(self, exchanges: Sequence[Exchange]) -> None:
        if self._may_write():
            for exchange in exchanges:
                exchange.write()
        else:
            for exchange in exchanges:
                exchange.withhold()


class Link(NamedTuple):
    """What the requests of one transport share."""

    loop: asyncio.AbstractEventLoop
    pool: Connections
    deadlines: Deadlines
    first_bytes: Deadlines | None
    outbox: Outbox


def _nobody(_came: Response | Fault) -> None:
    """Who hears what comes of a request that was cut, or was heard before."""


class Exchange:
    """One request under way: it waits for a connection, or for its answer. ``heard`` is called with what came of it."""

    __slots__ = ("_heard", "_kept", "_link", "_message", "_origin", "_repeats", "_task", "_wire", "_written")

    def __init__(self, link: Link, origin: Origin, message: bytes, heard: Heard, *, repeats: bool) -> None:
        self._link = link
        self._origin = origin
        self._message = message
        self._heard = heard
        self._repeats = repeats  # once more, where a kept connection turns out to be closed
        self._kept = False
        self._written = False  # or being written
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """By a kept connection at once, where there is one and a place."""
        self._wire = self._link.pool.at_once(self._origin)
        if self._wire is None:
            self._task = self._link.loop.create_task(self._connect())
        else:
            self._link.outbox.add(self)

    async def _connect(self) -> None:
        try:
            self._wire = await self._link.pool.get(self._origin)
        except Unconnected as error:
            self._task = None
            self.end(error.fault)
            return
        self._task = None
        self._link.outbox.now(self)

    def write(self) -> None:
        """It is the outbox's turn, and the partitions are surely this worker's."""
        wire = self._wire
        if wire is None:
            return  # it has ended meanwhile
        if wire.transport.is_closing():  # a kept one: whoever brings a new one has just looked
            self._give_back()
            self.begin()  # nothing was written: another one
            return
        self._written = True
        self._kept = wire.served > 0
        if self._link.first_bytes is not None:
            self._link.first_bytes.began(wire)
        wire.ask(self._message, self._answered)

    def withhold(self) -> None:
        """It is the outbox's turn, but the partitions may be another's."""
        if self._wire is not None:
            self._give_back()
            self.end(WITHHELD)

    def _give_back(self) -> None:
        """The connection, unused."""
        wire, self._wire = self._wire, None
        if wire is not None:
            self._link.pool.put_back(wire)

    def _answered(self, came: Response | Fault) -> None:
        wire, self._wire = self._wire, None
        if self._link.first_bytes is not None and wire is not None:
            self._link.first_bytes.ended(wire)
        if came is BROKEN and self._repeats and self._kept and wire is not None and wire.silent:
            self._repeats = self._written = False
            self.begin()
        else:
            self.end(came)

    def end(self, came: Response | Fault) -> None:
        """Tell it, once."""
        self._link.deadlines.ended(self)
        heard, self._heard = self._heard, _nobody
        heard(came)

    def expire(self) -> None:
        """It took too long."""
        if self._written and self._wire is not None:
            self._wire.give_up()
        else:
            self._leave()
            self.end(NO_CONNECTION)

    def cut(self) -> None:
        """Close its connection; nothing is heard of it any more."""
        self._heard = _nobody
        self._link.deadlines.ended(self)
        if self._written and self._wire is not None:
            self._wire.give_up()
        else:
            self._leave()

    def _leave(self) -> None:
        """The queue for a connection, or for the outbox."""
        if self._task is not None:
            self._task.cancel()
        self._give_back()
