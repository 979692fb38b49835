"""Raw servers that answer well, badly or not at all, for the transports' suite."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: to close is to reset


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came: its first line's method and target, lower-case headers, body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Vendor:
    """A server that listens, and what came to it."""

    origin: str = ""
    connections: int = 0
    received: list[Received] = field(default_factory=list)


@dataclass(slots=True)
class Connection:
    """One accepted connection, from the server's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    vendor: Vendor

    async def request(self) -> Received:
        """Wait for the next whole request. ``IncompleteReadError`` when the client has gone."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        received = Received(method, target, headers, body)
        self.vendor.received.append(received)
        return received

    async def write(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    def end(self) -> None:
        """Say that nothing more will come, and go on listening: the connection is half closed."""
        self.writer.write_eof()

    async def listen(self) -> None:
        """Until the client closes."""
        while await self.reader.read(1 << 20):
            pass

    def reset(self) -> None:
        """Close with a RST rather than a FIN: to abort alone sends one only where something is left unread."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.writer.transport.abort()


Behaviour = Callable[[Connection], Awaitable[None]]


@asynccontextmanager
async def a_vendor(
    behave: Behaviour, tls: ssl.SSLContext | None = None, vendor: Vendor | None = None
) -> AsyncIterator[Vendor]:
    """Serve every connection with ``behave`` on a free port; its end closes the connection."""
    vendor = vendor or Vendor()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        vendor.connections += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await behave(Connection(reader, writer, vendor))
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    vendor.origin = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*parts: bytes) -> Behaviour:
    """Answer every request on a connection with these bytes."""

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.write(*parts)

    return behave


def answering_once(*parts: bytes) -> Behaviour:
    """Answer one request with these bytes, and close."""

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(*parts)

    return behave


def an_answer(body: bytes = b'{"ok":true}', *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer with a ``Content-Length`` (of ``length`` bytes, where it lies)."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def in_chunks(*chunks: bytes) -> bytes:
    """The same as a chunked answer."""
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


async def silence(_connection: Connection) -> None:
    """Accept, and never say anything."""
    await asyncio.Event().wait()
