"""The connections that are the worker's own: kept, renewed, let go, and opened anew for less."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence

import pytest

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask, until
from tests.adapters.vendors import Connection, Vendor, a_vendor, an_answer, answering
from worker.adapters import http
from worker.adapters.http_addresses import BELIEVED, Addresses
from worker.core.faults import Fault, FaultKind


@pytest.fixture
def factory() -> Factory:
    return http.Transport


# --- Kept


def test_a_connection_that_nobody_needs_is_closed_by_itself(factory: Factory, run: Run) -> None:
    gone = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer())
        await connection.reader.read()
        gone.set()

    async def story() -> Response | Fault:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, idle=0.05) as sender:
            answer = await sender.send(a_request(vendor.origin), {})
            await gone.wait()
            return answer

    assert 200 == run(story()).status


def test_a_connection_in_use_does_not_grow_old(factory: Factory, run: Run) -> None:
    """The counterpart: only what is idle is swept."""
    swept = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await swept.wait()
        await connection.write(an_answer())

    async def idle(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer())
        await connection.reader.read()
        swept.set()

    async def story() -> Response | Fault:
        turns = iter([idle, behave])
        async with (
            a_vendor(lambda connection: next(turns)(connection)) as vendor,
            a_transport(factory, vendor.origin, idle=0.05) as sender,
        ):
            first = asyncio.create_task(sender.send(a_request(vendor.origin), {}))
            second = asyncio.create_task(sender.send(a_request(vendor.origin), {}))
            await first
            return await second

    assert 200 == run(story()).status


@pytest.mark.parametrize(
    ("hint", "connections"),
    [("timeout=60", 1), ("max=100", 1), ("timeout=1, max=99", 3), ("timeout=x", 1)],
    ids=["long", "no time", "short", "nonsense"],
)
def test_a_connection_is_given_up_before_the_other_end_does_it(
    factory: Factory, run: Run, hint: str, connections: int
) -> None:
    got, vendor = run(ask(factory, answering(an_answer(b"", f"Keep-Alive: {hint}")), requests=3))
    assert ([200] * 3, connections) == ([each.status for each in got], vendor.connections)


def test_a_connection_that_the_other_end_closes_between_two_requests_is_not_asked(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer())  # as if it were kept

    async def story() -> tuple[list[Response | Fault], int]:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin) as sender:
            got = []
            for _ in range(3):
                got.append(await sender.send(a_request(vendor.origin), {}))
                await until(lambda: not sender._link.pool._all)  # type: ignore[attr-defined]  # the end was heard
            return got, vendor.connections

    got, connections = run(story())
    assert ([200] * 3, 3) == ([each.status for each in got], connections)


# --- Requests


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_a_long_request_is_written_as_the_other_end_takes_it(
    factory: Factory, run: Run, certificates: Certificates, secured: bool
) -> None:
    tls, trusting = (certificates.good, {"ca_file": certificates.authority}) if secured else (None, {})
    text = {"text": "x" * (4 << 20)}
    (got,), vendor = run(ask(factory, answering(an_answer()), tls=tls, transport=trusting, json=text))
    assert (200, (4 << 20) + len(b'{"text":""}')) == (got.status, len(vendor.received[0].body))


def test_a_host_that_is_no_name_is_not_asked_for(factory: Factory, run: Run) -> None:
    origin = "http://a..example"

    async def story() -> Response | Fault:
        async with a_transport(factory, origin) as sender:
            return await sender.send(a_request(origin), {})

    got = run(story())
    assert (FaultKind.DNS, False) == (got.kind, got.written)


@pytest.mark.parametrize("path", ["", "?a=1", "#part", "/a?b=1#part"])
def test_what_follows_the_host_is_the_target(factory: Factory, run: Run, path: str) -> None:
    async def story() -> Vendor:
        async with a_vendor(answering(an_answer())) as vendor, a_transport(factory, vendor.origin) as sender:
            await sender.send(a_request(vendor.origin, url=f"{vendor.origin}{path}"), {})
            return vendor

    targets = {"": "/", "?a=1": "/?a=1", "#part": "/", "/a?b=1#part": "/a?b=1"}
    assert [targets[path]] == [each.target for each in run(story()).received]


def test_a_name_and_password_in_a_url_are_not_sent(factory: Factory, run: Run) -> None:
    async def story() -> tuple[Response | Fault, int]:
        async with a_vendor(answering(an_answer())) as vendor, a_transport(factory, vendor.origin) as sender:
            url = vendor.origin.replace("://", "://ann:s3cret@")
            return await sender.send(a_request(vendor.origin, url=f"{url}/"), {}), vendor.connections

    assert (Fault(FaultKind.PROTOCOL, written=False, detail="the request cannot be written as HTTP"), 0) == run(story())


def test_a_mappings_own_header_takes_the_place_of_ours(factory: Factory, run: Run) -> None:
    _, vendor = run(ask(factory, answering(an_answer()), headers={"accept": "application/json", "Host": "v.example"}))
    (received,) = vendor.received
    assert ("application/json", vendor.origin.removeprefix("http://")) == (
        received.headers["accept"],
        received.headers["host"],
    )


# --- TLS


def test_a_second_connection_resumes_the_session_of_the_first(
    factory: Factory, run: Run, certificates: Certificates
) -> None:
    resumed: list[bool] = []

    async def behave(connection: Connection) -> None:
        await connection.request()
        resumed.append(connection.writer.get_extra_info("ssl_object").session_reused)
        await connection.write(an_answer(b"", "Connection: close"))

    trusting = {"ca_file": certificates.authority}
    got, _ = run(ask(factory, behave, tls=certificates.good, requests=3, transport=trusting))
    assert ([200] * 3, [False, True, True]) == ([each.status for each in got], resumed)


# --- Addresses


def an_address(host: str) -> tuple[int, int, int, str, tuple[str, int]]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443))


FIRST, SECOND = an_address("192.0.2.1"), an_address("192.0.2.2")


class Names:
    """A name server that says what it is told to say, and counts."""

    def __init__(self, *answers: Sequence[object] | OSError) -> None:
        self.asked = 0
        self.time = 0.0
        self.answers = deque(answers)
        self.known = Addresses(self._ask, lambda: self.time)  # type: ignore[arg-type]

    async def _ask(self, _host: str, _port: int) -> Sequence[object]:
        self.asked += 1
        await asyncio.sleep(0)
        answer = self.answers.popleft()
        if isinstance(answer, OSError):
            raise answer
        return answer


def test_who_connects_together_asks_once_and_begins_at_different_addresses(run: Run) -> None:
    async def story() -> tuple[object, int]:
        names = Names([FIRST, SECOND])
        return await asyncio.gather(*(names.known.of("v.example", 443) for _ in range(3))), names.asked

    assert ([(SECOND, FIRST), (FIRST, SECOND), (SECOND, FIRST)], 1) == run(story())


def test_a_vendor_that_moves_is_found_again(run: Run) -> None:
    async def story() -> list[object]:
        names = Names([FIRST], [SECOND])
        found: list[object] = []
        for names.time in (0.0, BELIEVED - 0.1, BELIEVED):
            found.append(await names.known.of("v.example", 443))
        return found

    assert [(FIRST,), (FIRST,), (SECOND,)] == run(story())


def test_a_name_that_was_not_found_is_asked_for_again_at_once(run: Run) -> None:
    async def story() -> object:
        names = Names(socket.gaierror(-2, "not known"), [FIRST])
        with pytest.raises(socket.gaierror):
            await names.known.of("v.example", 443)
        return await names.known.of("v.example", 443)

    assert (FIRST,) == run(story())


def test_who_gives_up_waiting_takes_the_answer_from_nobody(run: Run) -> None:
    async def story() -> object:
        names = Names([FIRST])
        impatient = asyncio.create_task(names.known.of("v.example", 443))
        patient = asyncio.create_task(names.known.of("v.example", 443))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert (FIRST,) == run(story())
