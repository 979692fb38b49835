"""Other ends that mean it ill, or are broken: raw servers beside the test, which turn well when they are told to."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from threading import Event, Thread

from tests.adapters.vendors import Behaviour, Connection, Vendor, a_vendor, an_answer, answering, answering_once

SUCCESS = an_answer(b'{"status":"success"}')
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b"\0" * 200_000_000)


async def silence(connection: Connection) -> None:
    await connection.request()
    await connection.reader.read()


async def closed_at_once(connection: Connection) -> None:
    connection.reset()


def endless(beginning: bytes, unit: bytes) -> Behaviour:
    """The same, as fast as it is taken."""
    many = unit * (1 + 10_000 // len(unit))

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(beginning)
        while True:
            await connection.write(many)

    return behave


def trickling(beginning: bytes) -> Behaviour:
    """A byte a second."""

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(beginning)
        while True:
            await asyncio.sleep(1)
            await connection.write(b"x")

    return behave


# By the ``status`` that the metric of requests has for them.
FAILING: Mapping[str, tuple[str, Behaviour]] = {
    "headers-without-end": ("protocol", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 4000 + b"\r\n")),
    "interim-without-end": ("protocol", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    "http-0-9": ("protocol", answering_once(b"<html>Welcome</html>")),
    "half-a-head": ("reset", answering_once(SUCCESS[:20])),
    "closed": ("reset", closed_at_once),
    "silence": ("timeout", silence),
    "trickling-head": ("timeout", trickling(b"HTTP/1.1 200 OK\r\nX-Slow: ")),
}
# The status came: what was asked is done, whatever the body is.
DONE: Mapping[str, Behaviour] = {
    "body-without-end": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks-of-a-byte": endless(CHUNKED, b"1\r\nx\r\n"),
    "bomb": answering(an_answer(BOMB, "Content-Encoding: gzip")),
    "trickling-body": trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    "chunk-of-nonsense": answering_once(CHUNKED + b"nonsense\r\n"),
    "longer-than-its-length": answering(an_answer(b'{"status":"success"}', length=4)),
    "cut": answering_once(an_answer(b'{"status":', length=100)),
}


class Hostile:
    """Servers by name. ``turn_well``: from now on each request is answered as it should be."""

    def __init__(self) -> None:
        self.vendors: dict[str, Vendor] = {}
        self._well = False

    def url(self, name: str) -> str:
        return self.vendors[name].origin

    def turn_well(self) -> None:
        self._well = True

    def behaviour(self, hostile: Behaviour) -> Behaviour:
        async def behave(connection: Connection) -> None:
            await (answering(SUCCESS) if self._well else hostile)(connection)

        return behave


@contextmanager
def hostile(behaviours: Mapping[str, Behaviour]) -> Iterator[Hostile]:
    """Served from a thread until the end of the block."""
    ends = Hostile()
    serving = Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            for name, behave in behaviours.items():
                ends.vendors[name] = await stack.enter_async_context(a_vendor(ends.behaviour(behave)))
            stop.append((asyncio.get_running_loop(), asyncio.Event()))
            serving.set()
            await stop[0][1].wait()

    thread = Thread(target=asyncio.run, args=(serve(),), name="hostile ends")
    thread.start()
    assert serving.wait(10), "the servers did not begin"
    loop, over = stop[0]
    try:
        yield ends
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
