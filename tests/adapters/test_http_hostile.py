"""A transport and other ends that mean it ill, or are broken beyond what anybody would think of."""

from __future__ import annotations

import asyncio
import gzip
import socket
from itertools import cycle
from random import Random

import pytest

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask
from tests.adapters.vendors import (
    Behaviour,
    Connection,
    Received,
    Vendor,
    a_vendor,
    an_answer,
    answering,
    in_chunks,
)
from worker.adapters.http_bounds import BODY_LIMIT, HEAD_LIMIT
from worker.core.faults import Fault, FaultKind

AT_ONCE = 5.0  # seconds: less than an idle connection is kept
SEND_BUFFER = 16 << 10
KERNEL = 256 << 10  # what is between both ends with such a buffer, generously
NOT_HTTP = Fault(FaultKind.PROTOCOL, written=True, detail="the answer is not HTTP")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Endless:
    """An answer that never ends: its beginning, and then the same for ever. Counts what it gets rid of."""

    def __init__(self, beginning: bytes, unit: bytes) -> None:
        self.written = 0
        self._beginning = beginning
        self._unit = unit * (1 + 4_000 // len(unit))

    async def __call__(self, connection: Connection) -> None:
        buffer_little(connection)
        await connection.request()
        await connection.write(self._beginning)
        for part in cycle([self._unit]):
            await connection.write(part)
            self.written += len(part)


def buffer_little(connection: Connection) -> None:
    connection.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def until_it_is_cut(factory: Factory, run: Run, endless: Endless) -> Response | Fault:
    async def story() -> Response | Fault:
        async with a_vendor(endless) as vendor, a_transport(factory, vendor.origin, request_timeout=10.0) as sender:
            return await sender.send(a_request(vendor.origin), {})

    got: Response | Fault = run(story())
    return got


# --- What never ends


@pytest.mark.parametrize(
    ("beginning", "unit"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"),
        (b"", b"\r\n"),
    ],
    ids=["headers", "100 Continue", "103 Early Hints", "empty lines"],
)
def test_a_head_that_never_ends_is_no_answer_and_costs_its_limit(
    factory: Factory, run: Run, beginning: bytes, unit: bytes
) -> None:
    endless = Endless(beginning, unit)
    assert NOT_HTTP == until_it_is_cut(factory, run, endless)
    assert endless.written < HEAD_LIMIT + KERNEL


@pytest.mark.parametrize(
    ("beginning", "unit"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 5000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b"x" * 5000),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"1", b";extension=" + b"x" * 100),
        (CHUNKED + b"0\r\n", b"X-Trailer: x\r\n"),
    ],
    ids=["to the end of the connection", "of a length", "chunks of a byte", "chunk extensions", "trailers"],
)
def test_of_a_body_that_never_ends_the_status_counts_and_it_costs_its_limit(
    factory: Factory, run: Run, beginning: bytes, unit: bytes
) -> None:
    endless = Endless(beginning, unit)
    got = until_it_is_cut(factory, run, endless)
    assert isinstance(got, Response)
    assert (200, None) == (got.status, got.body)
    assert endless.written < BODY_LIMIT + HEAD_LIMIT + KERNEL


def test_a_bomb_in_a_bomb_is_not_inflated(factory: Factory, run: Run) -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 10_000_000))
    (got,), _ = run(ask(factory, answering(an_answer(bomb, "Content-Encoding: gzip, gzip"))))
    assert (200, None) == (got.status, got.body)


# --- What comes unasked


def test_what_comes_unasked_on_a_kept_connection_is_never_the_next_answer(factory: Factory, run: Run) -> None:
    """Else an event would count as delivered by an answer that was given before it was sent."""
    heard, over = asyncio.Event(), asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer(b"first"))
        if over.is_set():
            return
        await heard.wait()
        await connection.write(an_answer(b"unasked"))
        try:
            await connection.request()
        finally:
            over.set()

    async def story() -> tuple[Response | Fault, Response | Fault, Vendor]:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin) as sender:
            first = await sender.send(a_request(vendor.origin), {})
            heard.set()
            await asyncio.wait_for(over.wait(), AT_ONCE)
            return first, await sender.send(a_request(vendor.origin), {}), vendor

    first, second, vendor = run(story())
    assert (b"first", b"first", 2) == (first.body, second.body, vendor.connections)


def test_a_flood_on_a_kept_connection_ends_it(factory: Factory, run: Run) -> None:
    flooded = 0
    heard, over = asyncio.Event(), asyncio.Event()

    async def behave(connection: Connection) -> None:
        nonlocal flooded
        buffer_little(connection)
        await connection.request()
        await connection.write(an_answer())
        await heard.wait()
        try:
            while True:
                await connection.write(an_answer(b"unasked") * 50)
                flooded += 50 * len(an_answer(b"unasked"))
        finally:
            over.set()

    async def story() -> Response | Fault:
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin) as sender:
            answer = await sender.send(a_request(vendor.origin), {})
            heard.set()
            await over.wait()
            return answer

    assert 200 == run(story()).status
    assert flooded < KERNEL


def test_of_two_answers_to_one_request_the_first_counts(factory: Factory, run: Run) -> None:
    both = an_answer(b"first") + an_answer(b"second", status="500 No")
    got, vendor = run(ask(factory, answering(both), requests=3))
    assert ([b"first"] * 3, 3) == ([each.body for each in got], vendor.connections)


def test_an_answer_that_does_not_wait_for_the_request_is_one(factory: Factory, run: Run) -> None:
    """A body that is too large is refused from its head alone (413), and never read."""

    async def behave(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.write(an_answer(b"too large", status="413 Content Too Large"))
        await asyncio.Event().wait()

    one_place = {"connections": 1, "connect_timeout": 0.5}
    got, _ = run(ask(factory, behave, requests=3, transport=one_place, json={"text": "x" * (8 << 20)}))
    assert [(413, b"too large")] * 3 == [(each.status, each.body) for each in got]


def test_nobody_switches_protocols_with_us(factory: Factory, run: Run) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nxyz"
    one_place = {"connections": 1, "connect_timeout": 0.5}
    got, vendor = run(ask(factory, answering(switching), requests=3, transport=one_place))
    assert ([101] * 3, 3) == ([each.status for each in got], vendor.connections)


# --- What does not fit


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>HTTP/0.9</html>",
        an_answer(length=-2),
        an_answer(length=10**40),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        an_answer(b"", "X: a\0b"),
        b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["HTTP/0.9", "below nothing", "beyond numbers", "both lengths", "NUL", "no header", "status", "version"],
)
def test_what_is_not_http_is_a_protocol_fault_and_its_connection_is_not_kept(
    factory: Factory, run: Run, answer: bytes
) -> None:
    got, vendor = run(ask(factory, answering(answer), requests=2))
    assert ([NOT_HTTP] * 2, 2) == (got, vendor.connections)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (an_answer(b'{"ok":true}', length=2), 200, b'{"'),
        (an_answer(b"abc", status="204 No Content"), 204, b""),
        (CHUNKED + b"3\r\nabc\r\nnonsense\r\n", 200, None),
        (in_chunks(b"abc")[:-5] + b"-1\r\n\r\n", 200, None),
    ],
    ids=["longer than its length", "of a 204", "a chunk of nonsense", "a chunk below nothing"],
)
def test_what_is_wrong_with_a_body_does_not_take_the_status_away(
    factory: Factory, run: Run, answer: bytes, status: int, body: bytes | None
) -> None:
    """The vendor has done what it was asked; without its status it would be asked again and again."""
    patient = {"request_timeout": 60.0}  # what is known to be broken is not waited for
    got, vendor = run(ask(factory, answering(answer), requests=2, transport=patient))
    assert ([(status, body)] * 2, 2) == ([(each.status, each.body) for each in got], vendor.connections)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_wherever_an_answer_ends_its_status_counts_from_the_end_of_its_head(
    factory: Factory, run: Run, reset: bool
) -> None:
    answer = an_answer(b'{"ok":true}')
    head = len(answer) - len(b'{"ok":true}')
    ends = iter(range(len(answer)))

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(answer[: next(ends)])
        if reset:
            connection.reset()

    got, _ = run(ask(factory, behave, requests=len(answer)))
    broken = Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")
    cut = [each if isinstance(each, Fault) else (each.status, each.body) for each in got]
    # With a reset the system may throw away what came before it.
    assert [broken] * head == cut[:head]
    assert set(cut[head:]) <= ({(200, None), broken} if reset else {(200, None)})


def test_tls_that_breaks_in_the_middle_of_an_answer_breaks_that_answer_only(
    factory: Factory, run: Run, certificates: Certificates
) -> None:
    async def story() -> tuple[list[Response | Fault], list[Received]]:
        vendor = Vendor()
        async with a_vendor(answering(an_answer()), certificates.good, vendor), a_vendor(spoiling(vendor)) as between:
            origin = between.origin.replace("http:", "https:")
            async with a_transport(factory, origin, ca_file=certificates.authority) as sender:
                return [await sender.send(a_request(origin), {}) for _ in range(2)], vendor.received

    (first, second), received = run(story())
    assert (FaultKind.TLS, True, 200, 2) == (first.kind, first.written, second.status, len(received))


def spoiling(vendor: Vendor) -> Behaviour:
    """Something between both ends that spoils a byte of the first answer."""
    spoils = iter([True, False])

    async def behave(connection: Connection) -> None:
        spoil = next(spoils)
        reader, writer = await asyncio.open_connection(*vendor.origin.removeprefix("https://").split(":"))

        async def back() -> None:
            while data := await reader.read(65536):
                asked = bool(vendor.received)
                await connection.write(data[:-1] + bytes([data[-1] ^ 1]) if spoil and asked else data)

        async def forth() -> None:
            while data := await connection.reader.read(65536):
                writer.write(data)

        try:
            await asyncio.gather(back(), forth())
        finally:
            writer.close()

    return behave


# --- Anything at all


SEEDS = (
    an_answer(b'{"ok":true}', "Content-Type: application/json"),
    an_answer(b"x" * 300, "Content-Encoding: gzip"),
    in_chunks(b"abc", b"defg"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + an_answer(),
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nxyz",
    b"HTTP/1.0 200 OK\r\n\r\nabc",
)
BITS = (
    *(b"\r\n", b"\r\n\r\n", b"\0", b"\xff", b": ", b"-1", b"0\r\n\r\n", b"f" * 20 + b"\r\n"),
    *(b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"Upgrade: h2c\r\n", b"Sec-WebSocket-Key1: x\r\n", b"Content-Encoding: deflate\r\n", b"Location: //[\r\n"),
)


def spoilt(chance: Random) -> bytes:
    """An answer that something has been done to."""
    data = chance.choice(SEEDS)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        gone = chance.choice((0, 0, 1, chance.randrange(9), len(data)))
        put = chance.choice((b"", chance.choice(BITS), bytes([chance.randrange(256)]), data))
        data = data[:at] + put + data[at + gone :]
    return data


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_at_all_make_it_raise_and_it_goes_on(factory: Factory, run: Run, seed: int) -> None:
    chance = Random(seed)
    well = False

    async def behave(connection: Connection) -> None:
        await connection.request()
        data = an_answer() if well else spoilt(chance)
        at = chance.randrange(len(data) + 1)
        await connection.write(data[:at])
        await asyncio.sleep(0)
        await connection.write(data[at:])

    async def story() -> tuple[list[Response | Fault], Response | Fault]:
        nonlocal well
        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, request_timeout=0.1) as sender:
            requests = [a_request(vendor.origin, method=method) for method in ("GET", "POST", "PUT")] * 30
            answers = [await sender.send(request, {}) for request in requests]
            well = True
            return answers, await sender.send(a_request(vendor.origin), {})

    answers, last = run(story())
    assert {Response, Fault} == {type(each) for each in answers}
    assert 200 == last.status


def test_a_head_of_many_pieces_is_put_together(factory: Factory, run: Run) -> None:
    """The counterpart: what is odd and right is read, wherever its pieces end."""
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + in_chunks(b'{"a"', b":1}")
    ends = iter(range(1, len(answer)))

    async def behave(connection: Connection) -> None:
        async def pieces() -> None:
            end = next(ends)
            await connection.request()
            await connection.write(answer[:end])
            await asyncio.sleep(0.001)
            await connection.write(answer[end:])

        while True:
            await pieces()

    got, vendor = run(ask(factory, behave, requests=len(answer) - 1))
    assert ([(200, b'{"a":1}')] * (len(answer) - 1), 1) == ([(one.status, one.body) for one in got], vendor.connections)
