"""Requests out, answers in: HTTP/1.1 over connections of our own, with every amount and every wait bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

from mappings.contract import Request, Response
from worker.adapters.http_bounds import NO_REQUEST, ForbiddenHost, Reach
from worker.adapters.http_deadline import Deadlines
from worker.adapters.http_exchange import Exchange, Heard, Link, Outbox
from worker.adapters.http_head import Origin, Pairs, head_of, located, origin_of
from worker.adapters.http_message import FORM_TYPE, JSON_TYPE, payload, target
from worker.adapters.http_pool import Pool
from worker.adapters.http_tls import trusting
from worker.core.faults import Fault, FaultKind

TYPES: Final = {kind: f"Content-Type: {kind}\r\nContent-Length: ".encode() for kind in (JSON_TYPE, FORM_TYPE)}
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
NO_BODY: Final = b"Content-Length: 0\r\n\r\n"
NOWHERE: Final = Origin("", "", 0)
IDLE: Final = 15.0  # seconds
HEADS: Final = 512  # remembered: where tokens stand in the query, every request has the same few


class Transport:
    """One destination's way out, within its ``reach``. A connection is kept ``idle`` seconds for the next request.

    Redirects are answers, never followed; cookies are forgotten; nothing is taken from the environment.
    """

    def __init__(self, reach: Reach, *, idle: float = IDLE) -> None:
        self._reach = reach
        self._origins = frozenset(map(origin_of, reach.hosts))
        self._idle = idle
        self._head = lru_cache(HEADS)(self._headed)
        self._link: Link

    async def open(self) -> None:
        """Make ready; nothing is connected yet. Raises ``OSError`` for a CA file that cannot be read."""
        reach, loop = self._reach, asyncio.get_running_loop()
        pool = Pool(reach, self._idle, trusting(reach.ca_file))
        first_bytes = None if reach.first_byte_timeout is None else Deadlines(reach.first_byte_timeout)
        outbox = Outbox(loop, reach.may_write)
        self._link = Link(loop, pool, Deadlines(reach.request_timeout), first_bytes, outbox)

    async def close(self) -> None:
        """Close every connection; requests under way end with a fault."""
        self._link.pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def ask(self, request: Request, headers: Mapping[str, str], heard: Heard) -> Exchange:
        """Send it once, with ``headers`` (the login's) added to its own; ``heard`` is called later, and once.

        Raises nothing that the other end or the mapping can cause. A GET goes out a second time within the same timeout
        when a kept connection turns out to be closed; nothing else does, since nobody would count the repeat.
        """
        link = self._link
        try:
            lines = (*request.headers.items(), *headers.items())
            origin, head = self._head(request.method, request.url, tuple(request.query), lines)
            message = bodied(request, head)
        except ForbiddenHost as error:
            return self._refuse(Fault(FaultKind.FORBIDDEN_HOST, written=False, detail=str(error)), heard)
        except ValueError:
            return self._refuse(NO_REQUEST, heard)
        exchange = Exchange(link, origin, message, heard, repeats=request.method == "GET")
        link.deadlines.began(exchange)
        exchange.begin()
        return exchange

    def _refuse(self, fault: Fault, heard: Heard) -> Exchange:
        exchange = Exchange(self._link, NOWHERE, b"", heard, repeats=False)
        self._link.loop.call_soon(exchange.end, fault)
        return exchange

    async def send(self, request: Request, headers: Mapping[str, str]) -> Response | Fault:
        """As :meth:`ask`, for whoever waits. A cancellation closes the connection."""
        answer: asyncio.Future[Response | Fault] = self._link.loop.create_future()
        exchange = self.ask(request, headers, lambda came: None if answer.done() else answer.set_result(came))
        try:
            return await answer
        except asyncio.CancelledError:
            exchange.cut()
            raise

    def _headed(self, method: str, url: str, query: Pairs, headers: Pairs) -> tuple[Origin, bytes]:
        """Raises ForbiddenHost, ValueError."""
        origin, path = located(target(url, query))
        if origin not in self._origins:
            raise ForbiddenHost(origin.host)
        return origin, head_of(method, origin, path, headers)


def bodied(request: Request, head: bytes) -> bytes:
    """The whole request. Raises ``ValueError`` where its body cannot be written."""
    body = payload(request)
    if body is None:
        return head + (NO_BODY if request.method in WITH_BODY else b"\r\n")
    return b"%b%b%d\r\n\r\n%b" % (head, TYPES[body.content_type], len(body.content), body.content)
