"""What every vendor's server does on every day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mappings.contract import Request, Response
from tests.adapters.transports import Factory, Run, a_transport
from tests.servers.running import BODY, Identity, Server
from worker.core.faults import Fault, FaultKind

Asked = Mapping[str, Any]
BROKEN = Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")


def ask(
    factory: Factory, run: Run, origin: str, identity: Identity, *asked: Asked, **reach: Any
) -> list[Response | Fault]:
    """These requests one after another, over one transport."""

    async def story() -> list[Response | Fault]:
        async with a_transport(factory, origin, ca_file=identity.authority, **reach) as sender:
            return [await sender.send(a_request(origin, **one), {}) for one in asked]

    found: list[Response | Fault] = run(story())
    return found


def a_request(origin: str, path: str, **fields: Any) -> Request:
    return Request(**{"method": "POST", "url": f"{origin}{path}", "operation": "learn"} | fields)


@pytest.fixture(params=["plain", "secured"])
def origin(request: pytest.FixtureRequest, server: Server) -> str:
    found: str = getattr(server, request.param)
    return found


def test_a_request_arrives_as_it_was_meant(factory: Factory, run: Run, origin: str, identity: Identity) -> None:
    asked = {"path": "/learn", "query": (("a[b]", "1+1&é"),), "json": {"n": 1}}
    (got,) = ask(factory, run, origin, identity, asked)
    assert isinstance(got, Response)
    said = dict(got.json())
    assert ("POST", "/learn?a%5Bb%5D=1%2B1%26%C3%A9", 7, "application/json") == (
        said["method"],
        said["target"],
        said["body"],
        said["type"],
    )


@pytest.mark.parametrize("size", [10, 70_000, 3_000_000])
def test_a_body_of_any_length_arrives_whole(
    factory: Factory, run: Run, origin: str, identity: Identity, size: int
) -> None:
    asked = {"path": "/learn", "json": "x" * (size - 2)}
    got = ask(factory, run, origin, identity, asked, asked)
    assert [size] * 2 == [each.json()["body"] for each in got if isinstance(each, Response)]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/chunked", 200, BODY.encode()),
        ("/squeezed", 200, BODY.encode()),
        ("/closing", 200, b"x"),
        ("/nothing", 204, b""),
        ("/unchanged", 304, b""),
    ],
)
def test_an_answer_of_any_kind_is_read_again_and_again(
    factory: Factory, run: Run, origin: str, identity: Identity, path: str, status: int, body: bytes
) -> None:
    got = ask(factory, run, origin, identity, *[{"path": path, "method": "GET"}] * 3)
    assert [(status, body)] * 3 == [(each.status, each.body) for each in got if isinstance(each, Response)]


def test_a_redirect_is_not_followed(factory: Factory, run: Run, origin: str, identity: Identity) -> None:
    (got,) = ask(factory, run, origin, identity, {"path": "/moved", "method": "GET"})
    assert isinstance(got, Response)
    assert (302, "/learn") == (got.status, got.headers["location"].removeprefix(origin))


def test_who_hangs_up_without_a_word_may_have_done_it(
    factory: Factory, run: Run, origin: str, identity: Identity
) -> None:
    got = ask(factory, run, origin, identity, *[{"path": "/hangup", "json": {"n": 1}}] * 2)
    assert [BROKEN] * 2 == got


@pytest.mark.parametrize("path", ["/small", "/abrupt"])
@pytest.mark.parametrize("size", [2_000, 8_000_000])
def test_what_is_too_large_is_answered_with_413_however_long_it_is(
    factory: Factory, run: Run, origin: str, identity: Identity, server: Server, path: str, size: int
) -> None:
    """nginx says so from the head alone, and Go once it has read as much as it takes; then they close."""
    asked = {"path": path if server.name == "nginx" else "/small", "json": "x" * size}
    got = ask(factory, run, origin, identity, *[asked] * 4)
    assert [413] * 4 == [each.status if isinstance(each, Response) else each for each in got]


def test_a_second_connection_resumes_the_first_ones_session(
    factory: Factory, run: Run, server: Server, identity: Identity
) -> None:
    asked: list[Asked] = [{"path": "/learn", "json": 1}, {"path": "/closing", "json": 1}] * 2
    got = ask(factory, run, server.secured, identity, *asked)
    resumed = [each.json()["resumed"] for each in got[::2] if isinstance(each, Response)]
    ours = factory.__module__.endswith(".http")
    # aiohttp begins each connection from nothing.
    assert [False, ours] == [one in (True, "r") for one in resumed]


def test_hints_come_before_the_answer(factory: Factory, run: Run, go: Server, identity: Identity) -> None:
    got = ask(factory, run, go.plain, identity, *[{"path": "/hinting", "method": "GET"}] * 2)
    assert [(200, b"x")] * 2 == [(each.status, each.body) for each in got if isinstance(each, Response)]


def test_a_server_that_wants_a_certificate_of_us_is_a_tls_fault(
    factory: Factory, run: Run, go: Server, identity: Identity
) -> None:
    """In TLS 1.3 it says so when the handshake is over on this side: it may have been written by then, or not."""
    (got,) = ask(factory, run, go.jealous, identity, {"path": "/learn", "json": 1})
    assert isinstance(got, Fault)
    # Where the request was written, a reset may overtake the words.
    assert got == BROKEN or (FaultKind.TLS, True) == (got.kind, "CERTIFICATE_REQUIRED" in got.detail)
