"""Requests out, answers in: over aiohttp, which knows proxies."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final, Self

import aiohttp
import yarl
from aiohttp import hdrs

from mappings.contract import Request, Response
from worker.adapters.aiohttp_connector import Connector, Unwritten, only_once
from worker.adapters.aiohttp_faults import fault
from worker.adapters.http_bounds import (
    BODY_LIMIT,
    RECEIVE_BUFFER,
    USER_AGENT,
    ForbiddenHost,
    Reach,
)
from worker.adapters.http_deadline import Deadlines
from worker.adapters.http_message import inflate, payload, target
from worker.core.faults import Fault, FaultKind

AT_ONCE: Final = 256 << 10  # bytes of a body; a longer one is written piece by piece
HEADERS: Final = 100
HEADER_BYTES: Final = 8 << 10
TARGETS: Final = 512  # where tokens stand in the query every request has the same few


class Transport:
    """One destination's way out, within its ``reach``; through a ``proxy``, where there is one.

    Redirects are answers, never followed; cookies are forgotten; nothing is taken from the environment.
    """

    def __init__(self, reach: Reach, *, proxy: str | None = None) -> None:
        self._reach = reach
        self._origins = frozenset(origin(yarl.URL(host)) for host in reach.hosts)
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=reach.connect_timeout, sock_read=reach.first_byte_timeout
        )
        self._deadlines = Deadlines(reach.request_timeout)
        self._proxy = proxy
        self._large = asyncio.Semaphore(reach.large_bodies)
        self._url = lru_cache(TARGETS)(self._checked)
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Make ready; nothing is connected yet. Raises ``OSError`` for a CA file that cannot be read."""
        context = ssl.create_default_context(cafile=self._reach.ca_file)
        context.set_alpn_protocols(["http/1.1"])
        self._session = aiohttp.ClientSession(
            connector=Connector(self._reach, context),
            timeout=self._timeout,
            proxy=self._proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Answers are a few hundred bytes. What comes compressed all the same is inflated here, to a bound.
            headers={hdrs.USER_AGENT: USER_AGENT, hdrs.ACCEPT: "*/*", hdrs.ACCEPT_ENCODING: "identity"},
            auto_decompress=False,
            read_bufsize=RECEIVE_BUFFER,
            max_headers=HEADERS,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
        )

    async def close(self) -> None:
        """Close every connection; requests under way end with a fault."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def ask(self, request: Request, headers: Mapping[str, str], heard: Callable[[Response | Fault], None]) -> Carried:
        """As :meth:`send`; ``heard`` is called with what came of it, unless it is cut before."""
        return Carried(asyncio.get_running_loop().create_task(self._carry(request, headers, heard)))

    async def _carry(
        self, request: Request, headers: Mapping[str, str], heard: Callable[[Response | Fault], None]
    ) -> None:
        heard(await self.send(request, headers))

    async def send(self, request: Request, headers: Mapping[str, str]) -> Response | Fault:
        """Send it once, with ``headers`` (the login's) added to its own.

        Raises nothing that the other end or the mapping can cause. A GET goes out a second time within the same timeout
        when a kept connection turns out to be closed; nothing else does, since nobody would count the repeat.
        """
        answer = body = None
        try:
            with self._deadlines.limit():
                answer = await self._ask(request, headers)
                body = await self._read(answer)
        except ForbiddenHost as error:
            return Fault(FaultKind.FORBIDDEN_HOST, written=False, detail=str(error))
        except Unwritten as found:
            return found.fault
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            if answer is None:
                return fault(error)
        finally:
            if answer is not None and not answer.closed:  # it is where it was read to its end, and its connection kept
                answer.close()
        return response(answer, body)

    async def _ask(self, request: Request, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        return await self._session.request(
            request.method,
            self._url(request.url, tuple(request.query)),
            data=body_of(request),
            headers={**request.headers, **headers},
            allow_redirects=False,
            middlewares=(only_once,) if request.method == hdrs.METH_PUT else (),  # a POST is, in any case
        )

    def _checked(self, url: str, query: tuple[tuple[str, str], ...]) -> yarl.URL:
        found = yarl.URL(target(url, query), encoded=True)
        if origin(found) not in self._origins:
            raise ForbiddenHost(found.host)
        return found

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes | None:
        """The body as it came; ``None`` where it is too long."""
        content = answer.content
        if content.is_eof():  # nearly always: it came with its head
            body = content.read_nowait()
            return body if len(body) <= BODY_LIMIT else None
        async with self._large:
            return await read_up_to(content, BODY_LIMIT)


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """A request that a task carries."""

    task: asyncio.Task[None]

    def cut(self) -> None:
        """Close its connection; nothing is heard of it any more."""
        self.task.cancel()


def body_of(request: Request) -> aiohttp.Payload | None:
    """The body as aiohttp takes it. Raises ``ValueError`` where it cannot be written."""
    body = payload(request)
    if body is None:
        return None
    if len(body.content) > AT_ONCE:
        return aiohttp.BytesIOPayload(io.BytesIO(body.content), content_type=body.content_type)
    return aiohttp.BytesPayload(body.content, content_type=body.content_type)


def origin(url: yarl.URL) -> tuple[str, str, int | None]:
    """What one connection may serve: scheme, host, port (the scheme's own where none is named)."""
    return url.scheme, (url.host or "").lower(), url.port


def response(answer: aiohttp.ClientResponse, body: bytes | None) -> Response:
    """As the core sees it."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    encoding = headers.get("content-encoding")
    return Response(answer.status, headers, inflate(body, encoding, BODY_LIMIT) if encoding and body else body)


async def read_up_to(content: aiohttp.StreamReader, limit: int) -> bytes | None:
    """All of it, or ``None`` once it is over ``limit`` bytes."""
    body = bytearray()
    while chunk := await content.readany():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
