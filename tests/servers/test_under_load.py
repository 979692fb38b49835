"""Connections that a server ends in the middle of the work: nothing is lost, and nothing goes out twice unseen.

``POST`` is what a server may have done, or not, when its connection breaks: a transport never sends it again by itself,
and says that it was written. Whoever sends it again, as the load here and a lane do, counts it as possibly repeated.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from tests.adapters.transports import Factory, Run, a_transport
from tests.deploy.daemons import until
from tests.servers.load import Load, deliver
from tests.servers.running import SOON, Identity, Server

AT_ONCE = 16


def books(load: Load, before: Counter[str], after: Counter[str]) -> None:
    """Each event has come, and no more often than it failed after it may have been written, and then once."""
    came = after - before
    assert load.done == len(came)
    assert {} == {n: times for n, times in came.items() if times > 1 + load.written[n]}


def below(count: int, load: Load) -> bool:
    return load.done < count


def delivered(
    factory: Factory,
    run: Run,
    server: Server,
    identity: Identity,
    url: str,
    go_on: Callable[[Load], bool],
    meanwhile: Callable[[Load], None] | None = None,
) -> Load:
    """The load and its books; ``meanwhile`` runs beside it, in a thread."""

    async def story() -> Load:
        origin = url[: url.index("/", len("https://"))]
        reach = {"ca_file": identity.authority, "connections": AT_ONCE}
        async with a_transport(factory, origin, **reach) as sender:
            load = Load()
            beside = asyncio.to_thread(meanwhile, load) if meanwhile else asyncio.sleep(0)
            await asyncio.gather(deliver(sender, url, at_once=AT_ONCE, go_on=go_on, load=load), beside)
            return load

    before = server.arrivals()
    load: Load = run(story())
    books(load, before, server.arrivals())
    return load


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "secured"])
def test_a_server_that_ends_each_connection_after_ten_requests_is_followed(
    factory: Factory, run: Run, nginx: Server, identity: Identity, secured: bool
) -> None:
    """It says so with the tenth answer: no request is lost on the way."""
    origin = nginx.secured if secured else nginx.plain
    load = delivered(factory, run, nginx, identity, f"{origin}/ten", partial(below, 1_500))
    assert (Counter(), 0) == (load.written, load.unwritten)


def test_a_server_that_ends_idle_connections_soon_loses_nothing(
    factory: Factory, run: Run, server: Server, identity: Identity
) -> None:
    """Bursts come as far apart as it keeps a connection: now the one, now the other is first."""
    path = "/second" if server.name == "nginx" else "/learn"
    pauses = (0.999, 1.0, 1.001)

    async def story() -> Load:
        async with a_transport(factory, server.plain, connections=AT_ONCE) as sender:
            load = Load()
            for burst, pause in enumerate(pauses):
                up_to = partial(below, 50 * (burst + 1))
                await deliver(sender, f"{server.plain}{path}", at_once=AT_ONCE, go_on=up_to, load=load)
                await asyncio.sleep(pause)
            return load

    before = server.arrivals()
    load: Load = run(story())
    books(load, before, server.arrivals())


@pytest.mark.parametrize("way", ["plain", "secured"])
def test_nginx_reloads_under_load_and_nothing_is_lost(
    factory: Factory, run: Run, nginx: Server, identity: Identity, way: str
) -> None:
    """Its old workers close who is idle just then, and finish what is under way."""
    starts_anew_under_load(factory, run, nginx, identity, getattr(nginx, way))


def test_a_go_server_is_replaced_under_load_and_nothing_is_lost(
    factory: Factory, run: Run, go: Server, identity: Identity
) -> None:
    """Between the old one and the new one nobody listens."""
    starts_anew_under_load(factory, run, go, identity, go.plain)


def starts_anew_under_load(factory: Factory, run: Run, server: Server, identity: Identity, origin: str) -> None:
    over = False

    def restarts(load: Load) -> None:
        nonlocal over
        try:
            for _ in range(3):
                seen = load.done
                until(lambda seen=seen: load.done > seen + 200, "200 more events", SOON)  # type: ignore[misc]
                server.restart()
        finally:
            over = True

    load = delivered(factory, run, server, identity, f"{origin}/learn", lambda _: not over, restarts)
    assert load.done > 600
