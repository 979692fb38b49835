"""The stand-ins over HTTP: reads calls, lets the pure halves answer, does what the fault rules say, keeps the record.

As a process it is ``segment-relay sandbox``; in a test::

    async with Sandbox() as sandbox:
        sandbox.put_faults(Rule(destination="wootric", times=2, do=Status(503)))
        ...  # a worker whose base_url, api_url and eligibility_url are sandbox.url
        assert [...] == [arrival.operation for arrival in sandbox.arrivals("wigzo", user="u1")]
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, NoReturn, Self, assert_never
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from worker.sandbox import control, wigzo, wootric
from worker.sandbox.exchange import Answer, Call, Destination, Heard
from worker.sandbox.faults import NONSENSE, ODD_HEADERS, Faults, Hang, Nonsense, Reset, Rule, Status
from worker.sandbox.listener import Listener
from worker.sandbox.record import Arrival, Record
from worker.sandbox.vendors import Vendors

HANG_SECONDS: Final = 120.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, zero seconds


class Sandbox:
    """Both stand-ins, their control API and their record on one port.

    Destinations ``apart`` have a port of their own besides, which alone can refuse connections. ``keep=False`` bounds
    the memory: counters instead of the record, and of the state only what the vendors' behaviour needs.
    ``hang_seconds``: when a call that hangs goes on by itself. ``clock`` gives Unix seconds.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        apart: Collection[Destination] = (),
        wigzo_account: wigzo.Account | None = None,
        wootric_account: wootric.Account | None = None,
        keep: bool = True,
        hang_seconds: float = HANG_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.vendors = Vendors(wigzo_account, wootric_account, keep=keep)
        self.record = Record(keep=keep)
        self.faults = Faults()
        self.clock = clock
        self._hang_seconds = hang_seconds
        self._main = Listener(self._serve, host, port)
        self._apart: dict[Destination, Listener] = {name: Listener(self._serve, host) for name in apart}
        self._released = asyncio.Event()

    # --- For tests

    async def __aenter__(self) -> Self:
        for listener in (self._main, *self._apart.values()):
            await listener.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in (*self._apart.values(), self._main):
            await listener.close()

    @property
    def url(self) -> str:
        """Where both vendors and the control API are."""
        return self._main.url

    def url_of(self, destination: Destination) -> str:
        """Where one vendor is: its own port where it has one."""
        return self._apart.get(destination, self._main).url

    @property
    def wigzo(self) -> wigzo.Wigzo:
        return self.vendors.wigzo

    @property
    def wootric(self) -> wootric.Wootric:
        return self.vendors.wootric

    def arrivals(
        self, destination: Destination | None = None, *, user: str | None = None, since: int = 0
    ) -> Iterator[Arrival]:
        return self.record.arrivals(destination, user=user, since=since)

    def put_faults(self, *rules: Rule) -> None:
        """These rules instead of all former ones; none: everything goes well again."""
        self.faults.put(rules, self.clock())

    def release(self) -> None:
        """Whoever hangs now goes on."""
        self._released.set()
        self._released = asyncio.Event()

    def reset(self) -> None:
        """As new: no record, no users, no faults, nobody hanging. Accounts and access tokens stay."""
        self.put_faults()
        self.release()
        self.record.reset()
        self.vendors.reset()

    async def refuse(self, destination: Destination) -> None:
        """Nobody listens at a destination's own port. Raises ``KeyError`` where it has none."""
        await self._apart[destination].close()

    async def accept(self, destination: Destination) -> None:
        """Somebody listens there again."""
        await self._apart[destination].open()

    # --- One call

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = _call_of(request, await request.read())
        if call.path.startswith("/sandbox/"):
            return await control.respond(self, call)
        heard = self.vendors.hear(call)
        now = self.clock()
        arrival = self.record.arrive(heard, now)
        try:
            rule = self.faults.pick(heard, now)
            if rule is None:
                return self._true_answer(heard, arrival)
            return await self._misbehave(rule, request, heard, arrival)
        finally:
            arrival.lasted = self.clock() - now
            self.record.leave(arrival)

    def _carry_out(self, heard: Heard, arrival: Arrival) -> Answer:
        answer = self.vendors.answer(heard, self.clock())
        arrival.accepted, arrival.changed = answer.accepted, answer.changed
        return answer

    def _true_answer(self, heard: Heard, arrival: Arrival, more: Mapping[str, str] | None = None) -> web.Response:
        answer = self._carry_out(heard, arrival)
        return _say(arrival, answer.status, orjson.dumps(answer.body), {**answer.headers, **(more or {})})

    async def _misbehave(
        self, rule: Rule, request: web.BaseRequest, heard: Heard, arrival: Arrival
    ) -> web.StreamResponse:
        arrival.fault = rule.do.fault if rule.do else "delay"
        if rule.delay:
            await asyncio.sleep(rule.delay)
        match rule.do:
            case None:
                return self._true_answer(heard, arrival)
            case Status(status=status, headers=headers, body=body):
                return _say(arrival, status, body.encode(), headers)
            case Hang():
                await self._hang()
                return self._true_answer(heard, arrival)
            case Reset(at="before"):
                return _reset(request)
            case Reset(at=at):
                answer = self._carry_out(heard, arrival)
                if at == "within":
                    await _write_half(request, answer)
                return _reset(request)
            case Nonsense(kind="odd headers"):
                return self._true_answer(heard, arrival, ODD_HEADERS)
            case Nonsense(kind=kind):
                if kind != "html":
                    self._carry_out(heard, arrival)
                return _say(arrival, 200, *NONSENSE[kind])
            case never:
                assert_never(never)

    async def _hang(self) -> None:
        try:
            async with asyncio.timeout(self._hang_seconds):
                await self._released.wait()
        except TimeoutError:
            return


def _call_of(request: web.BaseRequest, body: bytes) -> Call:
    path, _, query = request.raw_path.partition("?")
    return Call(request.method, path, parse_qsl(query, keep_blank_values=True), request.headers, body)


def _say(arrival: Arrival, status: int, body: bytes, headers: Mapping[str, Any]) -> web.Response:
    arrival.status = status
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json", **headers})


async def _write_half(request: web.BaseRequest, answer: Answer) -> None:
    body = orjson.dumps(answer.body)
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])


def _reset(request: web.BaseRequest) -> NoReturn:
    """End the connection with RST; the server takes a cancelled handler for a caller that has gone."""
    if (transport := request.transport) is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    raise asyncio.CancelledError
