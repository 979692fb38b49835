"""The other end: answers every POST after a latency and keeps the books. ``GET /books`` tells them, ``GET /gaps`` what
did not come, ``GET /stamps`` when each event came (doubles).

Some users may fail (500) until ``GET /recover``, and there may be a :class:`Trouble`. It may also listen for TLS.

A hand-written protocol: it must cost a fraction of what it measures. One request at a time on a connection, bodies
with a ``Content-Length``; that is what the worker sends.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast

import orjson
import uvloop

from bench.books import Books
from bench.trouble import Kind, Trouble

ANSWER_BODY = b'{"status":"success"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(ANSWER_BODY)).encode()
    + b"\r\n\r\n"
) + ANSWER_BODY
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
ANSWERS = {
    200: ANSWER,
    429: b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
    500: REFUSAL,
    503: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
}
HEAD_ENDS = b"\r\n\r\n"
LENGTH = b"content-length:"


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, books: Books, latency: float, trouble: Trouble) -> None:
        self._books = books
        self._latency = latency
        self._trouble = None if trouble.kind is Kind.NONE else trouble
        self._transport: asyncio.Transport | None = None
        self._waiting = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data if self._waiting else data
        body_at = data.find(HEAD_ENDS) + len(HEAD_ENDS)
        if body_at < len(HEAD_ENDS) or len(data) < body_at + content_length(data[:body_at]):
            self._waiting = data
            return
        self._waiting = b""
        if data.startswith(b"GET /books"):
            self._write(answer(orjson.dumps(self._books.report())))
        elif data.startswith(b"GET /gaps"):
            self._write(answer(orjson.dumps(asdict(self._books.gaps()))))
        elif data.startswith(b"GET /stamps"):
            self._write(answer(self._books.stamps.tobytes()))
        elif data.startswith(b"GET /recover"):
            self._books.failing = 0
            self._write(answer(b""))
        else:
            self._take(data[body_at:])

    def _take(self, body: bytes) -> None:
        if self._books.refuses(body):
            self._soon(self._latency, partial(self._write, REFUSAL))
        elif self._trouble is None:
            self._soon(self._latency, partial(self._answer, self._books.arrive(body, time.time()), ANSWER))
        else:
            self._take_in(self._trouble, body, time.time())

    def _take_in(self, trouble: Trouble, body: bytes, now: float) -> None:
        user = self._books.user(body)
        since = now - (self._books.account.first or now)
        reply = trouble.reply(-1 if user is None else user, since, random.random(), self._books.account.open)
        entered = self._books.arrive(body, now) if reply.accepted else self._books.refuse(body, now)
        self._soon(self._latency + reply.wait, partial(self._answer, entered, ANSWERS[reply.status]))

    def _soon(self, wait: float, reply: Callable[[], None]) -> None:
        if wait:
            self._loop.call_later(wait, reply)
        else:
            reply()

    def _answer(self, user: int | None, text: bytes) -> None:
        if user is not None:
            self._books.leave(user)
        self._write(text)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def content_length(head: bytes) -> int:
    """Bytes of the body that this head announces."""
    at = head.lower().find(LENGTH)
    return 0 if at < 0 else int(head[at + len(LENGTH) : head.find(b"\r", at)])


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(body)).encode() + HEAD_ENDS + body


@dataclass(frozen=True, slots=True)
class Tls:
    """Where it also listens, and the file of its key and certificates (PEM)."""

    port: int
    chain: Path

    def context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.chain)
        return made


async def serve(books: Books, latency: float, trouble: Trouble, tls: Tls | None = None) -> None:
    """Serve for ever on a free port of the loopback; print the port."""
    loop = asyncio.get_running_loop()
    make = partial(Sink, books, latency, trouble)
    if tls is not None:
        await loop.create_server(make, "127.0.0.1", tls.port, backlog=4096, ssl=tls.context())
    server = await loop.create_server(make, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--failing", type=int, default=0, help="so many users are refused at first")
    parser.add_argument("--trouble", type=Kind, default=Kind.NONE, help=", ".join(Kind))
    parser.add_argument("--trouble-seconds", type=float, default=0.0, help="how long it lasts, from the first request")
    parser.add_argument("--tls-port", type=int, help="where it listens for TLS, too")
    parser.add_argument("--tls-chain", type=Path, help="its key and certificates (PEM)")
    given = parser.parse_args()
    trouble = Trouble(given.trouble, given.trouble_seconds)
    tls = Tls(given.tls_port, given.tls_chain) if given.tls_port else None
    uvloop.run(serve(Books(given.events, given.users, given.failing), given.latency, trouble, tls))


if __name__ == "__main__":
    main()
