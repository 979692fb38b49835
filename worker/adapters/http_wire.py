"""One HTTP/1.1 connection: a request out, its answer in, every amount bounded."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol, TypeAlias, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from mappings.contract import Response
from worker.adapters.http_bounds import BODY_LIMIT, BROKEN, FINAL, HEAD_LIMIT, NO_ANSWER, NOT_HTTP, NOT_TAKEN, words_of
from worker.adapters.http_head import Origin
from worker.adapters.http_message import inflate
from worker.core.faults import Fault, FaultKind

AT_ONCE: Final = 64 << 10  # bytes of a request; what is left is written as the other end takes it
SWITCHING: Final = 101  # nobody switches protocols with us: an answer like any other
SPARE: Final = 1.0  # seconds that a connection is given up before the other end does it
# In an answer's Keep-Alive: how many seconds the other end keeps the connection (RFC 2068, 19.7.1.1).
HINT: Final = re.compile(r"timeout\s*=\s*(\d{1,9})", re.IGNORECASE)

Heard: TypeAlias = Callable[[Response | Fault], None]


class Owner(Protocol):
    """Whose connection it is."""

    def answered(self, wire: Wire) -> None:
        """Its answer was heard; ``reusable`` says whether it may carry another request."""

    def closed(self, wire: Wire) -> None:
        """It is gone."""

    def reading(self, wire: Wire) -> None:
        """A body is under way that did not come with its head: pause it, where there are too many."""

    def read(self, wire: Wire) -> None:
        """It is not any more."""


class Wire(asyncio.Protocol):
    """A connection to ``origin``, for one request at a time."""

    def __init__(self, owner: Owner, origin: Origin, idle: float) -> None:
        self.origin = origin
        self.transport: asyncio.Transport
        self.heard: Heard | None = None  # who waits for the answer of the request under way
        self.served = 0  # how many were answered
        self.silent = True  # nothing has come since the request was written
        self.reusable = True
        self.lost: Exception | None = None  # what ended it, where it was no orderly end
        self.keep_for = idle  # seconds without a request
        self.idle_since = 0.0  # in the loop's time
        self._owner = owner
        self._parser = HttpResponseParser(self)
        self._rest: memoryview | None = None  # of the request
        self._paused = False  # as much is written as the other end has room for
        self._forget()

    def _forget(self) -> None:
        self._room = HEAD_LIMIT  # bytes that may still come: of heads, and once there is the last one, of its body
        self._status = 0  # of the last head, once it is whole
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._whole = False
        self._slow = False

    # --- a request

    def ask(self, request: bytes, heard: Heard) -> None:
        """Write it; ``heard`` is called once, with whatever comes of it."""
        self.heard = heard
        self.silent = True
        if len(request) <= AT_ONCE:
            self.transport.write(request)
            return
        self._rest = memoryview(request)
        self._write_on()

    def _write_on(self) -> None:
        while self._rest is not None and not self._paused and not self.transport.is_closing():
            piece, rest = self._rest[:AT_ONCE], self._rest[AT_ONCE:]
            self._rest = rest or None
            self.transport.write(piece)

    def give_up(self) -> None:
        """No answer in time: what is known counts, and the connection is closed."""
        self._end(NO_ANSWER if not self._status else self._cut())

    def expire(self) -> None:
        """So much time for the first byte: what has come, or is still being written, has the whole request's time."""
        if self.silent and self._rest is None:
            self.give_up()

    # --- what the event loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=AT_ONCE)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._write_on()

    def data_received(self, data: bytes) -> None:
        if self.heard is None:  # nobody asked: it must never be the answer to what is asked next
            self.transport.abort()
            return
        self.silent = False
        self._room -= len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.reusable = False
        except HttpParserError:
            self.reusable = False
            if not self._whole:
                self._end(self._cut() if self._status else NOT_HTTP)
                return
        if self._whole:
            self._end(self._response(b"".join(self._body)))
        elif self._room < 0:
            self._end(self._cut() if self._status else NOT_HTTP)
        elif self._status and not self._slow:
            self._slow = True
            self._owner.reading(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self.lost = exc
        if self.heard is not None:
            self._end(self._at_its_end(exc))
        self._owner.closed(self)

    # --- what the parser says

    def on_message_begin(self) -> None:
        if self._whole:
            self.reusable = False  # one more than was asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._status:
            return
        status = self._parser.get_status_code()
        if status >= FINAL or status == SWITCHING:
            self._status = status
            self._room = BODY_LIMIT + HEAD_LIMIT  # chunks of a byte each are mostly frame: what is on the wire counts
        else:
            self._headers.clear()

    def on_body(self, body: bytes) -> None:
        if not self._whole:
            self._body.append(body)
            self._size += len(body)

    def on_message_complete(self) -> None:
        if self._status and not self._whole:
            self._whole = True
            self.reusable = self._parser.should_keep_alive() and self._status != SWITCHING and self._rest is None

    # --- the end

    def _end(self, came: Response | Fault) -> None:
        """Be ready for the next request, or close; and tell it."""
        heard, self.heard = self.heard, None
        if self._slow:
            self._owner.read(self)
        self.reusable = self.reusable and self._whole and isinstance(came, Response)
        self._rest = None
        self._forget()
        self.served += 1
        if not self.reusable:
            self.transport.abort()
        self._owner.answered(self)
        if heard is not None:
            heard(came)

    def _mind(self, hint: str) -> None:
        """How long the other end keeps it. What is written as it closes may have been done, or not."""
        found = HINT.search(hint)
        if found is not None:
            self.keep_for = min(self.keep_for, int(found[1]) - SPARE)

    def _at_its_end(self, exc: Exception | None) -> Response | Fault:
        if not self._status:
            return _broken(exc)
        framed = any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)
        return self._cut() if framed or exc is not None else self._response(b"".join(self._body))

    def _cut(self) -> Response:
        return self._response(None)

    def _response(self, body: bytes | None) -> Response:
        headers = {_lower(name): value.decode("latin-1") for name, value in self._headers}
        if (kept := headers.get("keep-alive")) is not None:
            self._mind(kept)
        if self._size > BODY_LIMIT:
            body = None
        encoding = headers.get("content-encoding")
        return Response(self._status, headers, inflate(body, encoding, BODY_LIMIT) if encoding and body else body)


@lru_cache(256)
def _lower(name: bytes) -> str:
    """A header's name; servers use the same few."""
    return name.decode("latin-1").lower()


def _broken(exc: Exception | None) -> Fault:
    if isinstance(exc, ssl.SSLError):
        return Fault(FaultKind.TLS, written=True, detail=words_of(exc))
    return NOT_TAKEN if isinstance(exc, TimeoutError) else BROKEN
