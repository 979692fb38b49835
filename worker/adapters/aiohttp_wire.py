"""What one connection may bring, and when."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, RawResponseMessage

from worker.adapters.http_bounds import BODY_LIMIT, FINAL, HEAD_LIMIT

HEAD_ENDS: Final = b"\r\n\r\n"


class Wire(ResponseHandler):
    """One connection: hears what was asked for, and no more of it than an answer may need.

    aiohttp bounds each header and their number, but neither what they come to together nor how many interim answers
    come before the last; and what arrives on a kept connection between two requests it takes for the answer to the
    next: an event would count as delivered by an answer that was given before it was sent.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._room = 0  # bytes that may still come: of heads, and once there is the last one, of its body
        self._answered = True
        self.asked = False  # ever
        self.gone = False
        self.lost: BaseException | None = None  # what ended it, where it was no orderly end

    def set_response_params(self, **params: Any) -> None:
        """A request is about to be written."""
        self._room, self._answered, self.asked = HEAD_LIMIT, False, True
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        self.read_timeout = None  # it was for the first byte; aiohttp would begin it again with each piece
        # Each head by itself: what is wrong behind it (a body that a 204 has none of, one longer than its length) must
        # not take the status away. The vendor has done what it was asked, and would be asked again and again.
        while data and not self._answered and (end := data.find(HEAD_ENDS)) >= 0:
            end += len(HEAD_ENDS)
            self._hear(data[:end])
            data = data[end:]
        self._hear(data)

    def feed_data(self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0) -> None:
        """A head is whole."""
        if data[0].code >= FINAL:
            # Chunks of a byte each are mostly frame: what is on the wire counts.
            self._answered, self._room = True, BODY_LIMIT + HEAD_LIMIT
        super().feed_data(data, size)

    def close(self) -> None:
        """At once: aiohttp would first wait until the rest of a request is taken, which has its answer already."""
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.gone, self.lost = True, exc
        payload = self._payload
        super().connection_lost(exc)
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            # A body that proved to be nonsense: aiohttp closes the connection, and lets whoever reads it wait.
            payload.set_exception(aiohttp.ClientPayloadError("broken off"))

    def _hear(self, data: bytes) -> None:
        if data and self._answered and (self._payload is None or self._payload.is_eof()):
            self.abort()
            return
        self._room -= len(data)
        super().data_received(data)
        if self._room < 0:
            self._too_much()

    def _too_much(self) -> None:
        if self._answered and self._payload is not None:
            self._payload.set_exception(aiohttp.ClientPayloadError("too long"))
        else:
            self.set_exception(HttpProcessingError(message="too long"))
