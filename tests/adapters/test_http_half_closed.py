"""A server that says that nothing more will come, and keeps its other half open.

(Before the request: in test_http_unwritten.py.)
"""

from __future__ import annotations

import asyncio

import pytest

from mappings.contract import Response
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask
from tests.adapters.vendors import Connection, Vendor, a_vendor, an_answer, in_chunks
from worker.core.faults import Fault, FaultKind

BROKEN = Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")
LONG = {"text": "x" * (8 << 20)}  # more than fits between both ends
HTTP_1_0 = b"HTTP/1.1 200 OK\r\n\r\n"  # without a length: its end is the connection's
# What is known to have ended is not waited for: these tests would fail at the run's deadline.
PATIENT = {"request_timeout": 60.0}


async def after_the_request(connection: Connection) -> None:
    await connection.request()
    connection.end()
    await connection.listen()


async def within_the_request(connection: Connection) -> None:
    await connection.reader.readexactly(10_000)
    connection.end()
    await connection.listen()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_end_before_the_answer_is_a_reset_and_nothing_goes_out_twice(
    factory: Factory, run: Run, method: str
) -> None:
    (got,), vendor = run(ask(factory, after_the_request, transport=PATIENT, method=method))
    assert (BROKEN, 1) == (got, vendor.connections)


def test_an_end_in_the_middle_of_the_request_is_a_reset(factory: Factory, run: Run) -> None:
    (got,), vendor = run(ask(factory, within_the_request, transport=PATIENT, json=LONG))
    assert (BROKEN, 1) == (got, vendor.connections)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (an_answer(b"abc"), (200, b"abc")),
        (an_answer(b"abc", length=9), (200, None)),
        (in_chunks(b"abc"), (200, b"abc")),
        (in_chunks(b"abc")[:-5], (200, None)),
        (HTTP_1_0 + b"abc", (200, b"abc")),
        (b"HTTP/1.1 100 Continue\r\n\r\n", BROKEN),
        (an_answer()[:20], BROKEN),
    ],
    ids=["after it", "within its body", "after chunks", "within chunks", "as its end", "after an interim", "its head"],
)
def test_what_came_before_the_end_counts(
    factory: Factory, run: Run, answer: bytes, expected: Fault | tuple[int, bytes | None]
) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(answer)
        connection.end()
        await connection.listen()

    (got,), vendor = run(ask(factory, behave, transport=PATIENT))
    assert expected == (got if isinstance(got, Fault) else (got.status, got.body))
    assert (1, 1) == (len(vendor.received), vendor.connections)


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_a_connection_that_half_closed_while_idle_is_not_asked_and_is_closed(
    factory: Factory, run: Run, method: str
) -> None:
    heard, closed = asyncio.Event(), asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer())
        await heard.wait()
        connection.end()
        await connection.listen()
        closed.set()

    async def story() -> tuple[list[int], Vendor]:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin) as sender:
            statuses = []
            for _ in range(3):
                heard.clear()
                closed.clear()
                got = await sender.send(a_request(vendor.origin, method=method, json=None), {})
                assert isinstance(got, Response)
                statuses.append(got.status)
                heard.set()
                await closed.wait()
            return statuses, vendor

    statuses, vendor = run(story())
    assert ([200] * 3, 3, 3) == (statuses, len(vendor.received), vendor.connections)


@pytest.mark.parametrize("ending", ["half closed", "closed", "left open"])
def test_an_answer_to_half_a_request_counts_however_it_ends(factory: Factory, run: Run, ending: str) -> None:
    """A body that is too large is refused while it is being written; who closes then sends a reset after it."""

    async def behave(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.reader.readexactly(10_000)
        await connection.write(an_answer(b"too large", "Connection: close", status="413 Content Too Large"))
        match ending:
            case "half closed":
                connection.end()
                await connection.listen()
            case "left open":
                await asyncio.Event().wait()

    got, vendor = run(ask(factory, behave, requests=5, transport=PATIENT, json=LONG))
    assert ([(413, b"too large")] * 5, 5) == ([(each.status, each.body) for each in got], vendor.connections)
