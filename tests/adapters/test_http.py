"""What every transport does, whatever the other end does."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from aiohttp import web

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask, until, without_detail
from tests.adapters.vendors import (
    Behaviour,
    Connection,
    Received,
    Vendor,
    a_vendor,
    an_answer,
    answering,
    answering_once,
    in_chunks,
    silence,
)
from worker.adapters.http_bounds import USER_AGENT
from worker.core.faults import Fault, FaultKind

LIMIT = 256 << 10


# --- What is sent


def test_a_request_arrives_as_it_was_meant(factory: Factory, run: Run) -> None:
    async def story() -> list[Received]:
        async with a_vendor(answering(an_answer())) as vendor, a_transport(factory, vendor.origin) as sender:
            request = a_request(
                vendor.origin,
                method="PUT",
                url=f"{vendor.origin}/a%2Fb/%41",
                query=(("properties[k]", "1+1&x"), ("name", "é")),
                headers={"X-One": "1"},
            )
            await sender.send(request, {"Authorization": "Bearer t"})
            return vendor.received

    (received,) = run(story())
    assert ("PUT", "/a%2Fb/%41?properties%5Bk%5D=1%2B1%26x&name=%C3%A9", b'{"n":1}') == (
        received.method,
        received.target,
        received.body,
    )
    expected = {
        "content-type": "application/json",
        "content-length": "7",
        "user-agent": USER_AGENT,
        "x-one": "1",
        "authorization": "Bearer t",
    }
    assert expected == {name: received.headers.get(name) for name in expected}
    assert "cookie" not in received.headers


def test_a_form_is_sent_as_one(factory: Factory, run: Run) -> None:
    _, vendor = run(ask(factory, answering(an_answer()), json=None, form=(("end_user[email]", "a+b@example.com"),)))
    (received,) = vendor.received
    assert b"end_user%5Bemail%5D=a%2Bb%40example.com" == received.body
    assert "application/x-www-form-urlencoded" == received.headers["content-type"]


def test_a_get_has_no_body(factory: Factory, run: Run) -> None:
    _, vendor = run(ask(factory, answering(an_answer()), method="GET", json=None))
    (received,) = vendor.received
    assert (b"", None) == (received.body, received.headers.get("content-type"))


def test_a_host_that_was_not_declared_hears_nothing(factory: Factory, run: Run) -> None:
    async def story() -> tuple[Response | Fault, int]:
        async with a_vendor(answering(an_answer())) as vendor, a_transport(factory, "https://v.example") as sender:
            return await sender.send(a_request(vendor.origin), {}), vendor.connections

    assert (Fault(FaultKind.FORBIDDEN_HOST, written=False, detail="127.0.0.1"), 0) == run(story())


@pytest.mark.parametrize(
    "declared", ["https://127.0.0.1:{port}", "http://localhost:{port}", "http://127.0.0.1", "http://127.0.0.2:{port}"]
)
def test_scheme_host_and_port_all_belong_to_what_was_declared(factory: Factory, run: Run, declared: str) -> None:
    async def story() -> Response | Fault:
        async with a_vendor(answering(an_answer())) as vendor:
            port = vendor.origin.rpartition(":")[2]
            async with a_transport(factory, declared.format(port=port)) as sender:
                return await sender.send(a_request(vendor.origin), {})

    assert Fault(FaultKind.FORBIDDEN_HOST, written=False) == without_detail(run(story()))


def test_a_declared_host_may_be_spelt_otherwise(factory: Factory, run: Run) -> None:
    async def story() -> tuple[Response | Fault, list[Received]]:
        async with a_vendor(answering(an_answer())) as vendor:
            port = vendor.origin.rpartition(":")[2]
            async with a_transport(factory, f"HTTP://LOCALHOST:{port}/") as sender:
                return await sender.send(a_request(f"http://localhost:{port}"), {}), vendor.received

    answer, received = run(story())
    assert (200, 1) == (answer.status, len(received))


@pytest.mark.parametrize(
    "overrides",
    [
        {"headers": {"X": "a\r\nY: b"}},
        {"json": {"s": {1}}},
        {"url": "{origin}/a b"},
        {"url": "{origin}/a\r\nX: y"},
    ],
    ids=["header injection", "no JSON", "space in the URL", "newline in the URL"],
)
def test_what_http_cannot_carry_is_not_sent(factory: Factory, run: Run, overrides: dict[str, Any]) -> None:
    async def story() -> tuple[Response | Fault, list[Received], Response | Fault]:
        async with a_vendor(answering(an_answer())) as vendor, a_transport(factory, vendor.origin) as sender:
            if "url" in overrides:
                overrides["url"] = overrides["url"].format(origin=vendor.origin)
            bad = await sender.send(a_request(vendor.origin, **overrides), {})
            return bad, list(vendor.received), await sender.send(a_request(vendor.origin), {})

    bad, received, good = run(story())
    assert (Fault(FaultKind.PROTOCOL, written=False), []) == (without_detail(bad), received)
    assert 200 == good.status


# --- Answers


def test_an_answer_is_status_lower_case_headers_and_body(factory: Factory, run: Run) -> None:
    answer = an_answer(b'{"a":1}', "X-RateLimit-Remaining: 7", "Retry-After: 5", status="429 Too Many Requests")
    (got,), _ = run(ask(factory, answering(answer)))
    headers = {"content-length": "7", "x-ratelimit-remaining": "7", "retry-after": "5"}
    assert Response(429, headers, b'{"a":1}') == got


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_an_answer_and_never_followed(factory: Factory, run: Run, status: str) -> None:
    async def story() -> tuple[Response | Fault, int]:
        async with a_vendor(answering(an_answer())) as other:
            answer = an_answer(b"", f"Location: {other.origin}/x", status=status)
            async with a_vendor(answering(answer)) as vendor, a_transport(factory, vendor.origin, other.origin) as one:
                return await one.send(a_request(vendor.origin), {}), other.connections

    answer, others = run(story())
    assert (int(status[:3]), 0) == (answer.status, others)


def test_a_chunked_answer_is_put_together(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, answering(in_chunks(b'{"a"', b":", b"1}"))))
    assert b'{"a":1}' == got.body


def test_an_answer_that_comes_byte_by_byte_is_put_together(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        for byte in an_answer(b'{"a":1}'):
            await connection.write(bytes([byte]))
            await asyncio.sleep(0.001)

    (got,), _ = run(ask(factory, behave))
    assert (200, b'{"a":1}') == (got.status, got.body)


def test_html_is_an_answer_like_any_other(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, answering(an_answer(b"<html>Back soon", "Content-Type: text/html"))))
    assert (200, b"<html>Back soon") == (got.status, got.body)


def test_an_answer_without_a_body_is_empty(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, answering(b"HTTP/1.1 204 No Content\r\n\r\n")))
    assert (204, b"") == (got.status, got.body)


def test_an_answer_that_ends_with_its_connection_is_whole(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, answering_once(b"HTTP/1.1 200 OK\r\n\r\n", b"abc")))
    assert b"abc" == got.body


def test_interim_answers_are_passed_over(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, answering(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", an_answer(b"abc"))))
    assert (200, b"abc") == (got.status, got.body)


@pytest.mark.parametrize("size", [0, 1, 40_000, LIMIT])
def test_a_body_up_to_the_limit_is_kept(factory: Factory, run: Run, size: int) -> None:
    (got,), _ = run(ask(factory, answering(an_answer(b"x" * size))))
    assert b"x" * size == got.body


@pytest.mark.parametrize(
    "answer", [an_answer(b"x" * 300_000), in_chunks(*[b"x" * 10_000] * 30)], ids=["plain", "chunked"]
)
def test_of_a_body_over_the_limit_only_the_status_counts(factory: Factory, run: Run, answer: bytes) -> None:
    got, vendor = run(ask(factory, answering(answer), requests=2))
    assert [(200, None), (200, None)] == [(each.status, each.body) for each in got]
    assert 2 == len(vendor.received)


def test_an_endless_body_is_cut_off(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await connection.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")

    (got,), _ = run(ask(factory, behave))
    assert (200, None) == (got.status, got.body)


def test_a_body_that_trickles_for_ever_is_left_at_the_timeout(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await connection.write(b"x")
            await asyncio.sleep(0.01)

    (got,), _ = run(ask(factory, behave, transport={"request_timeout": 0.2}))
    assert (201, None) == (got.status, got.body)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_of_a_cut_body_only_the_status_counts(factory: Factory, run: Run, reset: bool) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(an_answer(b"half", length=100))
        if reset:
            connection.reset()

    (got,), _ = run(ask(factory, behave))
    assert (200, None) == (got.status, got.body)


def test_a_chunk_that_is_none_spoils_only_the_body(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.02)
        await connection.write(b"zz\r\n")
        await connection.reader.read()

    patient = {"request_timeout": 60.0}  # what is known to be nonsense is not waited for
    (got,), _ = run(ask(factory, behave, transport=patient))
    assert (200, None) == (got.status, got.body)


def test_a_compressed_answer_is_inflated(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, answering(an_answer(gzip.compress(b'{"a":1}'), "Content-Encoding: gzip"))))
    assert b'{"a":1}' == got.body


def test_a_bomb_is_not_inflated(factory: Factory, run: Run) -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    (got,), _ = run(ask(factory, answering(an_answer(bomb, "Content-Encoding: gzip"))))
    assert (200, None) == (got.status, got.body)


def test_bodies_are_read_within_one_bound_together(factory: Factory, run: Run) -> None:
    async def slowly(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
        await asyncio.sleep(0.05)
        await connection.write(b"x" * 100_000)
        await connection.reader.read()

    async def story() -> list[Response | Fault]:
        async with a_vendor(slowly) as vendor, a_transport(factory, vendor.origin, bodies=2 * LIMIT) as sender:
            return await asyncio.gather(*(sender.send(a_request(vendor.origin), {}) for _ in range(4)))

    assert [(200, 200_000)] * 4 == [(got.status, len(got.body)) for got in run(story())]


# --- Not answers


async def too_many_headers(connection: Connection) -> None:
    await connection.request()
    await connection.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await connection.write(b"X-More: 1\r\n" * 100)


async def too_long_a_header(connection: Connection) -> None:
    await connection.request()
    await connection.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await connection.write(b"x" * 10_000)


@pytest.mark.parametrize(
    "behave",
    [
        too_many_headers,
        too_long_a_header,
        answering(b"220 mail.example ESMTP\r\n"),
        answering(an_answer(b"", "Content-Length: 7")),
        answering(b"HTTP/1.1 abc\r\n\r\n"),
    ],
    ids=["too many headers", "a header too long", "another protocol", "two lengths", "no status"],
)
def test_what_is_not_http_is_a_protocol_fault(factory: Factory, run: Run, behave: Behaviour) -> None:
    (got,), _ = run(ask(factory, behave))
    assert Fault(FaultKind.PROTOCOL, written=True, detail="the answer is not HTTP") == got


def test_silence_ends_at_the_timeout(factory: Factory, run: Run) -> None:
    (got,), _ = run(ask(factory, silence, transport={"request_timeout": 0.1}))
    assert Fault(FaultKind.TIMEOUT, written=True, detail="no answer in time") == got


def test_headers_that_trickle_end_at_the_timeout(factory: Factory, run: Run) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        while True:
            await connection.write(b"H")
            await asyncio.sleep(0.01)

    (got,), _ = run(ask(factory, behave, transport={"request_timeout": 0.1}))
    assert FaultKind.TIMEOUT is got.kind or FaultKind.PROTOCOL is got.kind


def test_a_connection_that_is_not_made_in_time_wrote_nothing(
    factory: Factory, run: Run, certificates: Certificates
) -> None:
    # A server that never answers the handshake: TLS belongs to connecting.
    async def story() -> Response | Fault:
        async with a_vendor(silence) as vendor:
            origin = vendor.origin.replace("http:", "https:")
            async with a_transport(factory, origin, connect_timeout=0.1) as sender:
                return await sender.send(a_request(origin), {})

    assert Fault(FaultKind.TIMEOUT, written=False, detail="no connection in time") == run(story())


def test_waiting_for_a_free_place_counts_as_connecting(factory: Factory, run: Run) -> None:
    async def story() -> tuple[list[Response | Fault], Vendor]:
        times = {"connections": 1, "connect_timeout": 0.1, "request_timeout": 0.4}
        async with a_vendor(silence) as vendor, a_transport(factory, vendor.origin, **times) as sender:
            return await asyncio.gather(*(sender.send(a_request(vendor.origin), {}) for _ in range(2))), vendor

    got, vendor = run(story())
    assert [Fault(FaultKind.TIMEOUT, written=True), Fault(FaultKind.TIMEOUT, written=False)] == [
        without_detail(each) for each in got
    ]
    assert 1 == vendor.connections


def test_a_closed_port_refuses(factory: Factory, run: Run) -> None:
    async def story() -> Response | Fault:
        async with a_vendor(silence) as vendor:
            pass
        async with a_transport(factory, vendor.origin) as sender:
            return await sender.send(a_request(vendor.origin), {})

    assert Fault(FaultKind.REFUSED, written=False) == without_detail(run(story()))


def test_a_name_that_nobody_knows_is_told_apart(factory: Factory, run: Run) -> None:
    async def story() -> Response | Fault:
        async with a_transport(factory, "http://nowhere.invalid") as sender:
            return await sender.send(a_request("http://nowhere.invalid"), {})

    assert Fault(FaultKind.DNS, written=False) == without_detail(run(story()))


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nContent-"], ids=["before", "within"])
def test_a_connection_that_ends_before_the_headers_do_is_a_reset(
    factory: Factory, run: Run, reset: bool, part: bytes
) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.write(part)
        if reset:
            connection.reset()

    (got,), vendor = run(ask(factory, behave))
    assert Fault(FaultKind.RESET, written=True) == without_detail(got)
    assert 1 == len(vendor.received)


def test_no_detail_tells_a_secret(factory: Factory, run: Run) -> None:
    async def story() -> list[str]:
        details = []
        query = (("org_token", "s3cret"), ("email", "ann@example.com"))
        for behave in (silence, answering(b"ann@example.com\r\n"), answering_once()):
            async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, request_timeout=0.1) as sender:
                got = await sender.send(a_request(vendor.origin, query=query), {})
                details.append(repr(got))
        return details

    for detail in run(story()):
        assert "s3cret" not in detail
        assert "ann@" not in detail


# --- Connections


def test_a_connection_is_kept_and_used_again(factory: Factory, run: Run) -> None:
    got, vendor = run(ask(factory, answering(an_answer()), requests=5))
    assert ([200] * 5, 1) == ([each.status for each in got], vendor.connections)


def test_a_connection_that_the_server_ends_is_not_used_again(factory: Factory, run: Run) -> None:
    got, vendor = run(ask(factory, answering_once(an_answer(b"abc", "Connection: close")), requests=3))
    assert ([b"abc"] * 3, 3) == ([each.body for each in got], vendor.connections)


def test_no_more_connections_are_open_than_allowed(factory: Factory, run: Run) -> None:
    async def story() -> tuple[list[Response | Fault], int]:
        async with (
            a_vendor(answering(an_answer())) as vendor,
            a_transport(factory, vendor.origin, connections=3) as one,
        ):
            return await asyncio.gather(
                *(one.send(a_request(vendor.origin), {}) for _ in range(20))
            ), vendor.connections

    got, connections = run(story())
    assert ([200] * 20, 3) == ([each.status for each in got], connections)


# --- The last look before anything is written


def test_what_may_not_be_written_any_more_does_not_arrive(factory: Factory, run: Run) -> None:
    async def story() -> tuple[list[Response | Fault], Vendor]:
        words = iter([True, False, False, True])
        async with (
            a_vendor(answering(an_answer())) as vendor,
            a_transport(factory, vendor.origin, may_write=lambda: next(words)) as one,
        ):
            return [await one.send(a_request(vendor.origin, json={"n": n}), {}) for n in range(4)], vendor

    got, vendor = run(story())
    withheld = Fault(FaultKind.WITHHELD, written=False)
    assert [200, withheld, withheld, 200] == [each if isinstance(each, Fault) else each.status for each in got]
    assert ([b'{"n":0}', b'{"n":3}'], 1) == ([each.body for each in vendor.received], vendor.connections)


def test_the_last_look_comes_after_the_handshake(factory: Factory, run: Run, certificates: Certificates) -> None:
    allowed = True

    async def late(connection: Connection) -> None:
        nonlocal allowed
        await connection.reader.read(0)
        allowed = False  # the lease runs out while the client waits for the handshake
        await connection.writer.start_tls(certificates.good)
        await connection.request()

    async def story() -> tuple[Response | Fault, Vendor]:
        async with a_vendor(late) as vendor:
            origin = vendor.origin.replace("http:", "https:")
            trusting = {"ca_file": certificates.authority, "may_write": lambda: allowed}
            async with a_transport(factory, origin, **trusting) as one:
                return await one.send(a_request(origin), {}), vendor

    got, vendor = run(story())
    assert (Fault(FaultKind.WITHHELD, written=False), []) == (got, vendor.received)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_the_last_look_comes_after_the_wait_for_a_free_place(factory: Factory, run: Run, method: str) -> None:
    allowed = True
    answer = asyncio.Event()

    async def slowly(connection: Connection) -> None:
        await connection.request()
        await answer.wait()
        await connection.write(an_answer())
        await connection.request()

    async def story() -> tuple[Response | Fault, Response | Fault, Vendor]:
        nonlocal allowed
        looking = {"connections": 1, "may_write": lambda: allowed}
        async with a_vendor(slowly) as vendor, a_transport(factory, vendor.origin, **looking) as one:
            first = asyncio.create_task(one.send(a_request(vendor.origin), {}))
            await until(lambda: len(vendor.received) == 1)
            second = asyncio.create_task(one.send(a_request(vendor.origin, method=method, json=None), {}))
            await asyncio.sleep(0)  # it waits now
            allowed = False
            answer.set()
            return await first, await second, vendor

    first, second, vendor = run(story())
    assert (200, Fault(FaultKind.WITHHELD, written=False)) == (first.status, second)
    assert 1 == len(vendor.received)


async def one_answer_then_none(connection: Connection) -> None:
    """Keeps the connection alive, and closes it when the next request has come: as an idle timeout would."""
    await connection.request()
    await connection.write(an_answer())
    await connection.request()


@pytest.mark.parametrize(
    "overrides",
    [{"method": "POST"}, {"method": "POST", "repeatable": False}, {"method": "PUT"}],
    ids=["POST", "POST once", "PUT"],
)
def test_a_stale_connection_never_makes_it_go_out_twice(factory: Factory, run: Run, overrides: dict[str, Any]) -> None:
    got, vendor = run(ask(factory, one_answer_then_none, requests=2, **overrides))
    assert [200, Fault(FaultKind.RESET, written=True)] == [got[0].status, without_detail(got[1])]
    assert 2 == len(vendor.received)


def test_a_get_goes_out_again_when_a_kept_connection_was_stale(factory: Factory, run: Run) -> None:
    got, vendor = run(ask(factory, one_answer_then_none, requests=2, method="GET", json=None))
    assert ([200, 200], 3) == ([each.status for each in got], len(vendor.received))


def test_a_get_does_not_go_out_again_when_nothing_may_be_written(factory: Factory, run: Run) -> None:
    words = iter([True, True, False])
    looking = {"may_write": lambda: next(words)}
    got, vendor = run(ask(factory, one_answer_then_none, requests=2, transport=looking, method="GET", json=None))
    assert [200, Fault(FaultKind.WITHHELD, written=False)] == [got[0].status, got[1]]
    assert 2 == len(vendor.received)


def test_faults_of_connecting_are_the_same_for_what_goes_out_once(factory: Factory, run: Run) -> None:
    async def story() -> Response | Fault:
        async with a_vendor(silence) as vendor:
            pass
        async with a_transport(factory, vendor.origin) as sender:
            return await sender.send(a_request(vendor.origin, method="PUT"), {})

    assert Fault(FaultKind.REFUSED, written=False) == without_detail(run(story()))


def test_a_cookie_is_forgotten(factory: Factory, run: Run) -> None:
    _, vendor = run(ask(factory, answering(an_answer(b"", "Set-Cookie: a=b; Path=/")), requests=2))
    assert [None, None] == [received.headers.get("cookie") for received in vendor.received]


def test_a_cancelled_request_frees_its_place(factory: Factory, run: Run) -> None:
    async def story() -> list[Received]:
        async def behave(connection: Connection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            await connection.reader.read()

        async with a_vendor(behave) as vendor, a_transport(factory, vendor.origin, connections=1, bodies=1) as sender:
            for _ in range(3):
                before = len(vendor.received)
                task = asyncio.create_task(sender.send(a_request(vendor.origin), {}))
                await until(lambda before=before: len(vendor.received) > before)  # type: ignore[misc]
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            return vendor.received

    assert 3 == len(run(story()))


def test_closing_ends_what_is_under_way(factory: Factory, run: Run) -> None:
    async def story() -> Response | Fault:
        async with a_vendor(silence) as vendor:
            async with a_transport(factory, vendor.origin) as sender:
                task = asyncio.create_task(sender.send(a_request(vendor.origin), {}))
                await until(lambda: vendor.connections == 1)
            return await task

    assert isinstance(run(story()), Fault)


def test_it_gets_on_with_a_full_web_server(factory: Factory, run: Run) -> None:
    async def learn(request: web.Request) -> web.Response:
        return web.json_response({"got": await request.json(), "token": request.query["org_token"]})

    async def story() -> Response | Fault:
        application = web.Application()
        application.router.add_post("/learn", learn)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with a_transport(factory, origin) as sender:
                return await sender.send(a_request(origin, query=(("org_token", "a+b"),)), {})
        finally:
            await runner.cleanup()

    assert {"got": {"n": 1}, "token": "a+b"} == run(story()).json()
