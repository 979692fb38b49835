"""How a transport gets its connections, and what is looked at once there is one."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from worker.adapters.aiohttp_wire import Wire
from worker.adapters.http_bounds import Reach, small_socket


class Withheld(Exception):  # noqa: N818  (a finding, told as a fault)
    """There is a connection, and no request may be written to it any more."""


class Connector(aiohttp.TCPConnector):
    """Asks ``may_write`` once a request has its connection: the next thing that aiohttp does is to write it.

    Before that it would be too early: a connect takes up to its timeout, and so does waiting for a free place. A
    connection that nothing was written to is kept.
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
        """As aiohttp's. Raises ``Withheld``, too."""
        connection = await super().connect(req, traces, timeout)
        if self._may_write():
            return connection
        connection.release()
        raise Withheld


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
