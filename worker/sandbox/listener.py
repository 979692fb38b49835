"""One port that can be closed as if nobody were there, and opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web


class Listener:
    """An HTTP server on ``host``; port 0 becomes a free one with the first :meth:`open` and stays that one.

    A handler is cancelled when its caller goes away, so that no call counts as open whose caller has given up.
    """

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], host: str, port: int = 0
    ) -> None:
        self.host = host
        self.port = port
        self._handler = handler
        self._server: web.Server | None = None
        self._listening: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def open(self) -> None:
        if self._listening is not None:
            return
        self._server = web.Server(self._handler, handler_cancellation=True, access_log=None)
        # 4096: a worker that comes back from an outage connects hundreds of times at once.
        self._listening = await asyncio.get_running_loop().create_server(
            self._server, self.host, self.port, backlog=4096
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse new connections and drop those that are there."""
        if self._listening is None or self._server is None:
            return
        self._listening.close()
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()  # not close(): that waits for a caller who does not read
        await self._server.shutdown(timeout=1)
        await self._listening.wait_closed()
        self._listening = self._server = None
