"""Hosts that have several addresses, some of them dead, or another one than before."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvloop

from mappings.contract import Response
from tests.adapters.transports import Factory, a_request, a_transport, without_detail
from tests.adapters.vendors import a_vendor, an_answer, answering
from worker.adapters import http
from worker.core.faults import Fault, FaultKind

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"  # the vendor listens at the first one only
DEADLINE = 20.0  # seconds


class Names:
    """What a name server says of v.example, from now on."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    def run(self, kind: type[asyncio.AbstractEventLoop], coroutine: Coroutine[Any, Any, Any]) -> Any:
        """On a loop that asks it."""
        names = self

        class Asking(kind):  # type: ignore[misc,valid-type]
            async def getaddrinfo(self, host: str, port: int, **how: Any) -> Any:
                if host != "v.example":
                    return await super().getaddrinfo(host, port, **how)
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in names.addresses]

        with asyncio.Runner(loop_factory=Asking) as runner:
            return runner.run(asyncio.wait_for(coroutine, DEADLINE))


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.Loop], ids=["asyncio", "uvloop"])
def kind(request: pytest.FixtureRequest) -> type[asyncio.AbstractEventLoop]:
    found: type[asyncio.AbstractEventLoop] = request.param
    return found


@contextmanager
def deaf(port: int) -> Iterator[None]:
    """Somebody listens elsewhere and takes no more connections: to connect comes to nothing, for a long time."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((ELSEWHERE, port))
        listening.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((ELSEWHERE, port))
        yield


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "is silent"])
@pytest.mark.parametrize("addresses", [(HERE, ELSEWHERE), (ELSEWHERE, HERE)], ids=["second", "first"])
def test_of_two_addresses_one_may_be_dead(
    factory: Factory, kind: type[asyncio.AbstractEventLoop], addresses: Sequence[str], silent: bool
) -> None:
    async def story() -> list[Response | Fault]:
        async with a_vendor(answering(an_answer(b"", "Connection: close"))) as vendor:
            port = int(vendor.origin.rpartition(":")[2])
            origin = f"http://v.example:{port}"
            with deaf(port) if silent else ExitStack():
                async with a_transport(factory, origin) as sender:
                    return [await sender.send(a_request(origin), {}) for _ in range(3)]

    got = Names(*addresses).run(kind, story())
    assert [200] * 3 == [each.status if isinstance(each, Response) else each for each in got]


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "is silent"])
def test_a_vendor_that_moved_is_found_once_its_old_address_fails(
    kind: type[asyncio.AbstractEventLoop], silent: bool
) -> None:
    """Not only when the old answer has grown old. (aiohttp waits for that, ten seconds.)"""
    names = Names(ELSEWHERE)

    async def story() -> tuple[Response | Fault, Response | Fault]:
        async with a_vendor(answering(an_answer())) as vendor:
            port = int(vendor.origin.rpartition(":")[2])
            origin = f"http://v.example:{port}"
            with deaf(port) if silent else ExitStack():
                async with a_transport(http.Transport, origin, connect_timeout=0.5) as sender:
                    before = await sender.send(a_request(origin), {})
                    names.addresses = (HERE,)
                    return before, await sender.send(a_request(origin), {})

    before, after = names.run(kind, story())
    failed = FaultKind.TIMEOUT if silent else FaultKind.REFUSED
    assert (Fault(failed, written=False), 200) == (without_detail(before), after.status)
