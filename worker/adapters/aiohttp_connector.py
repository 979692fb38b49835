"""How a transport gets its connections, and what is looked at once there is one."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from worker.adapters.aiohttp_wire import Wire
from worker.adapters.http_bounds import UNUSED, WITHHELD, Reach, small_socket, words_of
from worker.core.faults import Fault, FaultKind


class Unwritten(Exception):  # noqa: N818  (a finding, told as a fault)
    """There is a connection, and no request was written to it; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class Connector(aiohttp.TCPConnector):
    """Asks ``may_write`` once a request has its connection: the next thing that aiohttp does is to write it.

    Before that it would be too early: a connect takes up to its timeout, and so does waiting for a free place. A
    connection that nothing was written to is kept.

    A new one is listened to for a turn of the loop (as in worker.adapters.http_pool): its end, or what comes unasked.
    """

    def __init__(self, reach: Reach, tls: ssl.SSLContext) -> None:
        super().__init__(socket_factory=partial(small_socket, reach.write_timeout), limit=reach.connections, ssl=tls)
        self._factory = partial(Wire, asyncio.get_running_loop())  # type: ignore[assignment]  # a Wire is a ResponseHandler
        self._may_write = reach.may_write

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's signature)
    ) -> Connection:
        """As aiohttp's. Raises ``Unwritten``, too."""
        connection = await super().connect(req, traces, timeout)
        wire = connection.protocol
        if isinstance(wire, Wire) and not wire.asked:
            await _hear_out(connection, wire)
        if self._may_write():
            return connection
        connection.release()
        raise Unwritten(WITHHELD)


async def _hear_out(connection: Connection, wire: Wire) -> None:
    try:
        await asyncio.sleep(0)
        if wire.is_connected():
            return
        if wire.transport is not None:
            wire.transport.abort()
        while not wire.gone:  # noqa: ASYNC110  (it is due in a turn or two)
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        connection.close()
        raise
    connection.close()
    raise Unwritten(
        Fault(FaultKind.TLS, written=False, detail=words_of(wire.lost))
        if isinstance(wire.lost, ssl.SSLError)
        else UNUSED
    )


async def only_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT again by itself: it does so for two exceptions, and this is neither.

    The first one may have been done before its connection closed, and nobody would count the repeat.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError("not sent again") from error
