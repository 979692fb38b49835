"""Each phase of a request has its own limit, and says which one it was: connecting, writing, the first byte, all of it.

(Connecting is in test_http.py.)
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask
from tests.adapters.vendors import Behaviour, Connection, a_vendor, an_answer, silence
from worker.core.faults import Fault, FaultKind

NO_ANSWER = Fault(FaultKind.TIMEOUT, written=True, detail="no answer in time")
NOT_TAKEN = Fault(FaultKind.TIMEOUT, written=True, detail="the request was not taken in time")
LONG = 15.0  # seconds: less than the run's deadline, and far more than any limit that is to be seen
SHORT = 0.3
NEARLY = 0.98  # an event loop counts in milliseconds
MORE_THAN_FITS = {"text": "x" * (12 << 20)}  # into the buffers of both kernels


async def unread(connection: Connection) -> None:
    """Accept, and never read a byte."""
    connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.Event().wait()


# --- Writing


def test_a_request_that_nobody_takes_ends_before_its_time(
    factory: Factory, run: Run, certificates: Certificates
) -> None:
    async def story(method: str, tls: ssl.SSLContext | None) -> Response | Fault:
        reach = {"request_timeout": 2.4, "ca_file": certificates.authority}
        (got,), _ = await ask(factory, unread, tls=tls, transport=reach, method=method, json=MORE_THAN_FITS)
        return got

    async def stories() -> tuple[Response | Fault, ...]:
        return await asyncio.gather(story("POST", None), story("PUT", None), story("POST", certificates.good))

    # It is Linux that looks after it; elsewhere the request has all of its time.
    assert [NOT_TAKEN if sys.platform == "linux" else NO_ANSWER] * 3 == [*run(stories())]


def test_a_request_that_is_taken_slowly_has_all_of_its_time(factory: Factory, run: Run) -> None:
    """The counterpart: only a standstill ends it sooner."""

    async def slowly(connection: Connection) -> None:
        began = time.monotonic()
        while time.monotonic() - began < 1.2:  # the limit of a standstill is 1.0
            await connection.reader.read(1 << 20)
            await asyncio.sleep(0.3)
        await connection.write(an_answer(b"late", "Connection: close"))

    (got,), _ = run(ask(factory, slowly, transport={"request_timeout": 2.0}, json=MORE_THAN_FITS))
    assert (200, b"late") == (got.status, got.body)


# --- The first byte


def how_long(factory: Factory, run: Run, behave: Behaviour, **reach: float) -> Any:
    """The answer, and the seconds until then."""

    async def story() -> tuple[Response | Fault, float]:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, **reach) as sender:
            began = time.monotonic()
            return await sender.send(a_request(vendor.origin), {}), time.monotonic() - began

    return run(story())


def test_silence_ends_at_the_limit_of_the_first_byte(factory: Factory, run: Run) -> None:
    got, took = how_long(factory, run, silence, request_timeout=LONG, first_byte_timeout=SHORT)
    assert NO_ANSWER == got
    assert SHORT * NEARLY <= took < LONG / 2


@pytest.mark.parametrize(
    "first", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"], ids=["a byte", "a line", "interim"]
)
def test_what_has_begun_in_time_may_take_all_of_its_time(factory: Factory, run: Run, first: bytes) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(first)
        await asyncio.sleep(3 * SHORT)
        whole = an_answer(b"whole")
        await connection.write(whole.removeprefix(first))

    got, _ = how_long(factory, run, behave, request_timeout=LONG, first_byte_timeout=SHORT)
    assert (200, b"whole") == (got.status, got.body)


def test_an_answer_that_trickles_for_ever_ends_with_its_time(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            await connection.write(b"x")
            await asyncio.sleep(0.02)

    got, took = how_long(factory, run, behave, request_timeout=2 * SHORT, first_byte_timeout=SHORT)
    assert NO_ANSWER == got
    assert 2 * SHORT * NEARLY <= took < LONG


def test_each_request_of_a_connection_has_its_own_first_byte(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer())
        await connection.request()
        await asyncio.Event().wait()

    reach: Mapping[str, Any] = {"request_timeout": LONG, "first_byte_timeout": SHORT}
    began = time.monotonic()
    (first, second), vendor = run(ask(factory, behave, requests=2, transport=reach))
    assert (200, NO_ANSWER, 1) == (first.status, second, vendor.connections)
    assert time.monotonic() - began < LONG / 2


def test_the_wait_for_a_connection_does_not_count_as_silence(factory: Factory, run: Run) -> None:
    async def slowly(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(0.3 * SHORT)
            await connection.write(an_answer())

    async def story() -> list[Response | Fault]:
        reach = {"connections": 1, "connect_timeout": LONG, "request_timeout": LONG, "first_byte_timeout": SHORT}
        async with a_vendor(slowly) as vendor, a_transport(factory, vendor.origin, **reach) as sender:
            return await asyncio.gather(*(sender.send(a_request(vendor.origin), {}) for _ in range(8)))

    assert [200] * 8 == [each.status for each in run(story())]
