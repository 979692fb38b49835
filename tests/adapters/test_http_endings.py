"""Servers that end their connections again and again while many requests are under way."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mappings.contract import Response
from tests.adapters.transports import Factory, Run, a_request, a_transport
from tests.adapters.vendors import Behaviour, Connection, Vendor, a_vendor, an_answer
from worker.core.faults import Fault, FaultKind

REQUESTS, AT_ONCE = 300, 16
BROKEN = Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")


def ending_after(requests: int, *, announced: bool) -> Behaviour:
    """Serve so many requests on a connection, and close it; with the last answer it may say so."""

    async def behave(connection: Connection) -> None:
        for left in reversed(range(requests)):
            await connection.request()
            await connection.write(an_answer(b"", *(["Connection: close"] if announced and not left else [])))

    return behave


def under_load(factory: Factory, run: Run, behave: Behaviour) -> tuple[list[Response | Fault], Vendor]:
    async def story() -> tuple[list[Response | Fault], Vendor]:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, connections=AT_ONCE) as sender:
            requests = [a_request(vendor.origin, json={"n": n}) for n in range(REQUESTS)]
            return await asyncio.gather(*(sender.send(request, {}) for request in requests)), vendor

    found: tuple[list[Response | Fault], Vendor] = run(story())
    return found


@pytest.mark.parametrize("count", [1, 7])
def test_an_end_that_was_announced_loses_nothing(factory: Factory, run: Run, count: int) -> None:
    got, vendor = under_load(factory, run, ending_after(count, announced=True))
    assert [200] * REQUESTS == [each.status if isinstance(each, Response) else each for each in got]
    assert [1] * REQUESTS == sorted(Counter(each.body for each in vendor.received).values())


@pytest.mark.parametrize("count", [1, 7])
def test_an_end_that_was_not_announced_is_told_and_nothing_goes_out_twice(
    factory: Factory, run: Run, count: int
) -> None:
    """Whoever was asked in the same moment may have done it: only whoever sent it can decide."""
    got, vendor = under_load(factory, run, ending_after(count, announced=False))
    arrived = Counter(each.body for each in vendor.received)
    assert {1} == set(arrived.values())
    # What was answered has arrived; nothing else but a reset came of the rest.
    assert {BROKEN} >= {each for each in got if isinstance(each, Fault)}
    answered = sum(isinstance(each, Response) for each in got)
    assert answered == len(arrived) > 0


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_has_no_body_is_not_waited_for_whatever_it_says_of_its_length(
    factory: Factory, run: Run, status: str
) -> None:
    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.write(an_answer(b"", status=status, length=10))

    async def story() -> tuple[list[Response | Fault], Vendor]:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, request_timeout=60.0) as sender:
            return [await sender.send(a_request(vendor.origin), {}) for _ in range(3)], vendor

    got, _ = run(story())
    assert [(int(status[:3]), b"")] * 3 == [(each.status, each.body) for each in got]
