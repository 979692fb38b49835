"""A destination's connections: so many at once, kept for the next request, no longer than they are good for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

from aiohappyeyeballs import AddrInfoType, start_connection

from worker.adapters.http_addresses import Addresses
from worker.adapters.http_bounds import NO_CONNECTION, UNUSED, Reach, kind_of, small_socket, words_of
from worker.adapters.http_head import Origin
from worker.adapters.http_tls import Resuming
from worker.adapters.http_wire import Wire
from worker.core.faults import Fault, FaultKind

NEXT_ADDRESS: Final = 0.25  # seconds until the next address is tried beside the first (RFC 8305)


class Unconnected(Exception):  # noqa: N818  (a finding, told as a fault)
    """There is no connection; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class Pool:
    """At most as many requests are under way as its reach has connections, and large bodies.

    A connection is kept ``idle`` seconds without a request, or as long as the other end says, if that is less.
    """

    def __init__(self, reach: Reach, idle: float, tls: Resuming) -> None:
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._connect_timeout = min(reach.connect_timeout, reach.request_timeout)
        self._socket = partial(small_socket, reach.write_timeout)
        self._idle_for = idle
        self._free = reach.connections
        self._waiting: deque[asyncio.Future[None]] = deque()  # for a place
        self._idle: dict[Origin, list[Wire]] = {}
        self._all: set[Wire] = set()
        self._reads = reach.large_bodies
        self._unread: deque[Wire] = deque()  # paused, until they may be read
        self._addresses = Addresses(self._ask, self._loop.time)
        self._sweeping = False

    # --- for requests

    def at_once(self, origin: Origin) -> Wire | None:
        """A kept connection with a place, where both are there now."""
        if self._free and not self._waiting and (wire := self._kept(origin)) is not None:
            self._free -= 1
            return wire
        return None

    async def get(self, origin: Origin) -> Wire:
        """A connection with a place. Raises ``Unconnected``."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._place()
                try:
                    return self._kept(origin) or await self._connect(origin)
                except BaseException:
                    self._leave()
                    raise
        except Unconnected:
            raise
        except TimeoutError as error:
            raise Unconnected(NO_CONNECTION) from error
        except (OSError, UnicodeError) as error:
            raise Unconnected(_fault(error)) from error

    def put_back(self, wire: Wire) -> None:
        """It was not used."""
        self._keep(wire)
        self._leave()

    def close(self) -> None:
        for wire in [*self._all]:
            wire.transport.abort()

    # --- for connections (worker.adapters.http_wire.Owner)

    def answered(self, wire: Wire) -> None:
        if wire.served == 1 and wire.origin.scheme == "https":
            self._tls.remember(wire.origin.host, wire.transport.get_extra_info("ssl_object"))
        if wire.reusable:
            self._keep(wire)
        self._leave()

    def closed(self, wire: Wire) -> None:
        self._all.discard(wire)
        idle = self._idle.get(wire.origin, [])
        if wire in idle:
            idle.remove(wire)

    def reading(self, wire: Wire) -> None:
        if self._reads:
            self._reads -= 1
        elif not wire.transport.is_closing():
            wire.transport.pause_reading()
            self._unread.append(wire)

    def read(self, wire: Wire) -> None:
        if wire in self._unread:
            self._unread.remove(wire)
        elif self._unread:
            self._unread.popleft().transport.resume_reading()
        else:
            self._reads += 1

    # --- places

    async def _place(self) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        place = self._loop.create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._waiting.remove(place)
            else:  # it was given in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        """Whoever waits longest has the place now."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    # --- kept connections

    def _keep(self, wire: Wire) -> None:
        wire.idle_since = self._loop.time()
        self._idle.setdefault(wire.origin, []).append(wire)
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(self._idle_for, self._sweep)

    def _kept(self, origin: Origin) -> Wire | None:
        """The one that was used last: those that are not needed any more grow old together."""
        idle = self._idle.get(origin)
        while idle:
            wire = idle.pop()
            if self._is_good(wire):
                return wire
            wire.transport.abort()
        return None

    def _is_good(self, wire: Wire) -> bool:
        return not wire.transport.is_closing() and self._loop.time() - wire.idle_since < wire.keep_for

    def _sweep(self) -> None:
        for origin, idle in self._idle.items():
            for wire in idle:
                if not self._is_good(wire):
                    wire.transport.abort()
            self._idle[origin] = [wire for wire in idle if not wire.transport.is_closing()]
        self._sweeping = any(self._idle.values())
        if self._sweeping:
            self._loop.call_later(self._idle_for, self._sweep)

    # --- new ones

    async def _ask(self, host: str, port: int) -> Sequence[AddrInfoType]:
        return await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    async def _connect(self, origin: Origin) -> Wire:
        addresses = await self._addresses.of(origin.host, origin.port)
        try:
            near = await start_connection(
                addresses,
                happy_eyeballs_delay=NEXT_ADDRESS,
                interleave=1,
                loop=self._loop,
                socket_factory=self._socket,
            )
        except (OSError, asyncio.CancelledError):
            self._addresses.doubt(origin.host, origin.port)
            raise
        secured = origin.scheme == "https"
        try:
            _, wire = await self._loop.create_connection(
                lambda: Wire(self, origin, self._idle_for),
                sock=near,
                ssl=self._tls if secured else None,
                server_hostname=origin.host if secured else None,
            )
        except BaseException:
            near.close()
            raise
        self._all.add(wire)
        await self._hear_out(wire)
        return wire

    async def _hear_out(self, wire: Wire) -> None:
        """Raises ``Unconnected`` where the other end wants none of it, as a balancer does that has nobody behind it.

        It says so as soon as it has accepted, and the loop hears it a turn later. What is written meanwhile may have
        been done, for all that anybody knows; what is not written is safe to be tried again. That is the lane's to do,
        after a wait: to connect again at once, and again, would be the last thing that an overloaded end needs.
        """
        try:
            await asyncio.sleep(0)
            if not wire.transport.is_closing():
                return
            wire.transport.abort()
            while wire in self._all:  # noqa: ASYNC110  (its end is due in a turn or two)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            wire.transport.abort()
            raise
        raise Unconnected(_fault(wire.lost) if isinstance(wire.lost, ssl.SSLError) else UNUSED)


def _fault(error: OSError | UnicodeError) -> Fault:
    match error:
        case UnicodeError():  # what no name server is asked for
            kind = FaultKind.DNS
        case ssl.SSLError():
            kind = FaultKind.TLS
        case socket.gaierror():
            kind = FaultKind.DNS
        case _:
            kind = kind_of(error)
    return Fault(kind, written=False, detail=words_of(error))
