"""A server that ends a new connection before anything is written to it: a balancer with nobody behind it, or too many.

What was not written is safe to be sent again, whatever it is: nobody has to count it as possibly repeated.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Literal, Self

import pytest

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask, until
from tests.adapters.vendors import AT_ONCE, Connection, an_answer
from worker.core.faults import Fault, FaultKind

UNUSED = Fault(FaultKind.RESET, written=False, detail="the connection broke before the request")
BROKEN = Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")
PATIENT = {"request_timeout": 60.0}  # what is known to have ended is not waited for: the run's deadline would fail it
SOON = 5.0  # seconds: less than an idle connection is kept
TURNS = 12  # of the loop: in fewer, every client has connected and written

Ending = Literal["half closed", "closed", "reset"]


class Curt:
    """A server in the client's own loop, so that it is known in which turn it does what.

    It ends a connection ``turns`` of the loop after it has accepted it, and reads what comes all the same where it is
    still able to. Once it is ``well``, it answers.
    """

    def __init__(self, ending: Ending, turns: int = 0, unasked: bytes = b"") -> None:
        self.connections = 0
        self.reached = asyncio.Event()
        self.received = b""
        self.open: set[socket.socket] = set()
        self.well = False
        self._ending = ending
        self._turns = turns
        self._unasked = unasked

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._accept)
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.remove_reader(self._listener)
        for each in (self._listener, *self.open):
            self._loop.remove_reader(each)
            each.close()

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.setblocking(False)
        self.connections += 1
        self.reached.set()
        self.open.add(accepted)
        self._loop.add_reader(accepted, self._read, accepted)
        accepted.send(self._unasked)
        if not self.well and not self._unasked:
            self._end(accepted, self._turns)

    def _end(self, accepted: socket.socket, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._end, accepted, turns - 1)
        elif accepted in self.open and self._ending == "half closed":
            accepted.shutdown(socket.SHUT_WR)
        elif accepted in self.open:
            if self._ending == "reset":
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self._close(accepted)

    def _read(self, accepted: socket.socket) -> None:
        try:
            came = accepted.recv(1 << 16)
        except ConnectionResetError:
            came = b""
        self.received += came
        if not came:
            self._close(accepted)
        elif self.well:
            accepted.send(an_answer())

    def _close(self, accepted: socket.socket) -> None:
        self._loop.remove_reader(accepted)
        self.open.discard(accepted)
        accepted.close()


def after(factory: Factory, run: Run, server: Curt, method: str = "POST") -> Response | Fault:
    """What comes of one request."""

    async def story() -> Response | Fault:
        async with server, a_transport(factory, server.origin, **PATIENT) as sender:
            got = await sender.send(a_request(server.origin, method=method, json=None), {})
            await until(lambda: not server.open)  # the client has closed it, too
            return got

    got: Response | Fault = run(story())
    return got


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize(("ending", "turns"), [("half closed", 0), ("closed", 0), ("reset", 1)])
def test_a_new_connection_that_ended_before_the_request_had_none_of_it_and_is_not_replaced(
    factory: Factory, run: Run, method: str, ending: Ending, turns: int
) -> None:
    """Once more at once would be what an overloaded end needs least; the lane tries again, after a while."""
    server = Curt(ending, turns)
    assert UNUSED == after(factory, run, server, method)
    assert (b"", 1) == (server.received, server.connections)


def test_at_whatever_moment_a_connection_ends_what_arrived_is_never_called_unwritten(
    factory: Factory, run: Run
) -> None:
    servers = [Curt("half closed", turns) for turns in range(TURNS)]
    got = [after(factory, run, server) for server in servers]
    assert {UNUSED, BROKEN} == {*got}
    arrived = [each for each, server in zip(got, servers, strict=True) if server.received]
    assert arrived
    assert {BROKEN} == {*arrived}
    assert [1] * TURNS == [server.connections for server in servers]


def test_a_handshake_that_is_followed_by_a_goodbye_leaves_nothing_written(
    factory: Factory, run: Run, certificates: Certificates
) -> None:
    async def behave(_connection: Connection) -> None:
        """Close."""

    reach = {**PATIENT, "ca_file": certificates.authority}
    got, vendor = run(ask(factory, behave, tls=certificates.tls_1_2, requests=3, transport=reach))
    assert ([UNUSED] * 3, 3) == (got, vendor.connections)


def test_what_a_new_connection_brings_unasked_is_no_answer(factory: Factory, run: Run) -> None:
    """Else an event would count as delivered by an answer that was given before it was sent."""
    server = Curt("closed", unasked=an_answer())
    assert UNUSED == after(factory, run, server)
    assert (b"", 1) == (server.received, server.connections)


def test_a_server_that_ends_every_connection_is_asked_once_by_each_request_and_keeps_no_place(
    factory: Factory, run: Run
) -> None:
    async def story() -> tuple[list[Response | Fault], int, Response | Fault]:
        async with Curt("half closed") as server, a_transport(factory, server.origin, connections=2) as sender:
            got = await asyncio.gather(*(sender.send(a_request(server.origin), {}) for _ in range(20)))
            await until(lambda: not server.open)
            connections, server.well = server.connections, True
            return got, connections, await sender.send(a_request(server.origin), {})

    got, connections, last = run(story())
    assert ([UNUSED] * 20, 20, 200) == (got, connections, last.status)


@pytest.mark.parametrize("turns", range(TURNS))
def test_a_request_that_is_cancelled_around_its_connect_leaves_no_connection_and_no_place_behind(
    factory: Factory, run: Run, turns: int
) -> None:
    async def story() -> tuple[int, Response | Fault]:
        async with Curt("closed") as server, a_transport(factory, server.origin, connections=1) as sender:
            server.well = True
            task = asyncio.create_task(sender.send(a_request(server.origin), {}))
            await server.reached.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            last = await sender.send(a_request(server.origin), {})
            await asyncio.wait_for(until(lambda: len(server.open) == 1), SOON)  # what answered last is kept
            return len(server.open), last

    kept, last = run(story())
    assert (1, 200) == (kept, last.status)
